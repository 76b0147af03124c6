// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/adder_tree.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <utility>

namespace hydravp::core {
namespace {

/// The rows that are free, lowest first.
class RowPool {
public:
    explicit RowPool(int used) : next_(used) {}
    int take() {
        if (free_.empty()) {
            return next_++;
        }
        const int row = *free_.begin();
        free_.erase(free_.begin());
        return row;
    }
    void give_back(const std::vector<int>& rows) { free_.insert(rows.begin(), rows.end()); }
    int used() const { return next_; }

private:
    int next_;
    std::set<int> free_;
};

} // namespace

int signed_bits(std::uint64_t bound) {
    int bits = 1;
    for (; bound != 0; bound >>= 1) {
        ++bits;
    }
    return bits;
}

AdderTreePlan plan_adder_tree(int count, std::uint64_t bound) {
    const int bits = signed_bits(bound);
    RowPool pool(count * bits);
    std::vector<TreeNumber> numbers;
    for (int i = 0; i < count; ++i) {
        std::vector<int> rows(static_cast<std::size_t>(bits));
        std::iota(rows.begin(), rows.end(), i * bits);
        numbers.push_back({std::move(rows), bound});
    }
    AdderTreePlan plan;
    while (numbers.size() > 1) {
        std::vector<TreeNumber> sums;
        for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
            TreeNumber& a = numbers[i];
            TreeNumber& b = numbers[i + 1];
            TreeNumber sum{{}, a.bound + b.bound};
            const auto width = std::min(static_cast<std::size_t>(signed_bits(sum.bound)),
                                        std::max(a.rows.size(), b.rows.size()) + 1);
            for (std::size_t bit = 0; bit < width; ++bit) {
                sum.rows.push_back(pool.take());
            }
            pool.give_back(a.rows);
            pool.give_back(b.rows);
            plan.bit_additions += width;
            sums.push_back(sum);
            plan.additions.push_back({std::move(a), std::move(b), std::move(sum)});
        }
        if (numbers.size() % 2 == 1) {
            sums.push_back(std::move(numbers.back()));
        }
        numbers = std::move(sums);
    }
    plan.result = std::move(numbers.front());
    plan.rows = pool.used();
    return plan;
}

int largest_adder_tree(int rows, std::uint64_t bound) {
    int count = rows / signed_bits(bound); // the operands alone
    while (count > 0 && plan_adder_tree(count, bound).rows > rows) {
        --count;
    }
    return count;
}

} // namespace hydravp::core
