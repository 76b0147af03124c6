// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/latency_histogram.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

using namespace hydravp::core;

TEST_CASE("an empty histogram") {
    const LatencyHistogram h;
    CHECK(h.count() == 0);
    CHECK(h.min().count() == 0);
    CHECK(h.max().count() == 0);
    CHECK(h.mean_ps() == 0);
    CHECK(h.percentile(99).count() == 0);
    CHECK(h.buckets().empty());
}

TEST_CASE("the sum of two histograms is that of all values") {
    std::mt19937_64 random(9);
    LatencyHistogram all, parts[2], sum;
    for (int i = 0; i < 3000; ++i) {
        const Picoseconds value{static_cast<std::int64_t>(random() % (i % 2 == 0 ? 1000 : 1000000))};
        all.add(value);
        parts[i % 2].add(value);
    }
    sum += LatencyHistogram{};
    CHECK(sum.count() == 0);
    sum += parts[0];
    CHECK(sum.min() == parts[0].min());
    sum += parts[1];
    sum += LatencyHistogram{};
    CHECK(sum.count() == 3000);
    CHECK(sum.min() == all.min());
    CHECK(sum.max() == all.max());
    CHECK(sum.mean_ps() == all.mean_ps());
    REQUIRE(sum.buckets().size() == all.buckets().size());
    for (std::size_t i = 0; i < sum.buckets().size(); ++i) {
        CHECK(sum.buckets()[i].from == all.buckets()[i].from);
        CHECK(sum.buckets()[i].count == all.buckets()[i].count);
    }
}

TEST_CASE("percentiles against sorted values") {
    std::mt19937_64 random(5);
    LatencyHistogram h;
    std::vector<std::int64_t> values;
    double sum = 0;
    for (int i = 0; i < 50000; ++i) {
        values.push_back(static_cast<std::int64_t>(random() >> (1 + random() % 62)));
        h.add(Picoseconds{values.back()});
        sum += static_cast<double>(values.back());
    }
    std::sort(values.begin(), values.end());
    CHECK(h.count() == values.size());
    CHECK(h.min().count() == values.front());
    CHECK(h.max().count() == values.back());
    CHECK(h.mean_ps() == Approx(sum / 50000));
    for (const double percent : {0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 50000));
        const double exact = static_cast<double>(values[rank == 0 ? 0 : rank - 1]);
        CAPTURE(percent, exact);
        const auto found = static_cast<double>(h.percentile(percent).count());
        CHECK(found >= exact);
        CHECK(found <= exact * (1 + 1.0 / 128));
    }
    std::uint64_t counted = 0;
    std::int64_t before = -1;
    for (const LatencyHistogram::Bucket& bucket : h.buckets()) {
        CHECK(bucket.from.count() > before);
        CHECK(bucket.last >= bucket.from);
        before = bucket.last.count();
        counted += bucket.count;
        const auto inside = std::upper_bound(values.begin(), values.end(), bucket.last.count()) -
                            std::lower_bound(values.begin(), values.end(), bucket.from.count());
        CHECK(static_cast<std::uint64_t>(inside) == bucket.count);
    }
    CHECK(counted == h.count());
}

TEST_CASE("the ends of the range") {
    LatencyHistogram h;
    h.add(Picoseconds{0});
    h.add(Picoseconds{std::numeric_limits<std::int64_t>::max()});
    CHECK(h.percentile(50).count() == 0);
    CHECK(h.percentile(100).count() == std::numeric_limits<std::int64_t>::max());
    CHECK_THROWS_AS(h.add(Picoseconds{-1}), std::invalid_argument);
}
