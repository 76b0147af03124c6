// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/idx_reader.h"

#include "hydravp/core/error.h"

#include "temporary_file.h"

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <catch2/catch.hpp>

#include <initializer_list>
#include <sstream>

using namespace hydravp;
using namespace hydravp::workloads;

namespace {

std::string header(std::uint8_t type, std::initializer_list<std::uint32_t> sizes) {
    std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(sizes.size())};
    for (const auto size : sizes) {
        for (const int shift : {24, 16, 8, 0}) {
            bytes += static_cast<char>(size >> shift);
        }
    }
    return bytes;
}

std::string ramp(std::size_t count) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) {
        bytes += static_cast<char>(i);
    }
    return bytes;
}

std::string compressed(const std::string& plain) {
    std::ostringstream out;
    boost::iostreams::filtering_ostream stream;
    stream.push(boost::iostreams::gzip_compressor());
    stream.push(out);
    stream << plain;
    stream.reset();
    return out.str();
}

template <class Call>
std::string message_of(Call call) {
    try {
        call();
    } catch (const core::InputError& error) {
        return error.what();
    }
    return "no error";
}

std::string image_error(const std::string& content) {
    const TemporaryFile file(content);
    const auto message = message_of([&] { read_idx_images(file.path()); });
    CHECK_THAT(message, Catch::StartsWith(file.path() + ": "));
    return message;
}

} // namespace

TEST_CASE("images, plain and compressed") {
    const auto content = header(8, {3, 2, 4}) + ramp(24);
    for (const auto& bytes : {content, compressed(content)}) {
        const TemporaryFile file(bytes);
        const auto images = read_idx_images(file.path());
        CHECK(images.count == 3);
        CHECK(images.rows == 2);
        CHECK(images.columns == 4);
        CHECK(images.image(1) == std::vector<std::uint8_t>{8, 9, 10, 11, 12, 13, 14, 15});
        CHECK(images.first(9).size() == 3);
        CHECK(images.first(2)[1] == images.image(1));

        const auto part = read_idx_images(file.path(), 2);
        CHECK(part.count == 2);
        CHECK(part.count_in_file == 3);
        CHECK(part.pixels.size() == 16);
        CHECK(read_idx_images(file.path(), 99).count == 3);
    }
}

TEST_CASE("an empty image file is valid") {
    const TemporaryFile file(header(8, {0, 2, 4}));
    CHECK(read_idx_images(file.path()).count == 0);
}

TEST_CASE("wrong headers") {
    CHECK_THAT(image_error("PNG and more than sixteen bytes"),
               Catch::Contains("not an idx file: starts with 0x50 0x4e"));
    CHECK_THAT(image_error(header(0x0D, {3, 2, 4}) + ramp(96)),
               Catch::Contains("type is 0x0d, expected 0x08"));
    CHECK_THAT(image_error(header(8, {3}) + ramp(3)), Catch::Contains("has 1 dimensions, expected 3"));
    CHECK_THAT(image_error(header(8, {3, 0, 4})), Catch::Contains("image side of 0 pixels"));
    CHECK_THAT(image_error(header(8, {3, 2, 1U << 31})), Catch::Contains("image side of 2147483648 pixels"));
    CHECK_THAT(image_error(""), Catch::Contains("ends inside the idx header"));
    CHECK_THAT(image_error(std::string("\0\0", 2)), Catch::Contains("ends inside the idx header"));
    CHECK_THAT(image_error(header(8, {3, 2, 4}).substr(0, 15)),
               Catch::Contains("ends inside the idx header"));
    CHECK_THAT(image_error(compressed("")), Catch::Contains("ends inside the idx header"));
}

TEST_CASE("short files and trailing bytes, plain and compressed") {
    const auto right = header(8, {3, 2, 4}) + ramp(24);
    CHECK_THAT(image_error(right.substr(0, 39)), Catch::Contains("file has 39 bytes, expected 40"));
    CHECK_THAT(image_error(right + "x"), Catch::Contains("file has 41 bytes, expected 40"));
    CHECK_THAT(image_error(compressed(right.substr(0, 39))),
               Catch::Contains("ends after 23 data bytes, expected 24"));
    CHECK_THAT(image_error(compressed(right + "x")), Catch::Contains("bytes after the last of its 3 items"));
    // A part of a plain file is not read from a damaged one either.
    const TemporaryFile file(right + "x");
    CHECK_THROWS_AS(read_idx_images(file.path(), 1), core::InputError);
}

TEST_CASE("a promise of 2^32 images costs no memory") {
    const auto promise = header(8, {0xFFFFFFFFU, 16384, 16384});
    CHECK_THAT(image_error(promise), Catch::Contains("expected 1152921504338411536"));
    CHECK_THAT(image_error(compressed(promise)), Catch::Contains("ends after 0 data bytes"));
}

TEST_CASE("damaged compressed files") {
    const auto right = compressed(header(8, {300, 2, 4}) + ramp(2400));
    for (std::size_t size = 2; size < right.size(); ++size) {
        const TemporaryFile file(right.substr(0, size));
        CHECK_THROWS_AS(read_idx_images(file.path()), core::InputError);
    }
    auto flipped = right;
    flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1); // checksum
    CHECK_THAT(image_error(flipped), Catch::Contains("damaged or truncated gzip"));
}

TEST_CASE("files that can't be read") {
    CHECK_THAT(message_of([] { read_idx_images("/nonexistent/images"); }),
               Catch::Contains("/nonexistent/images: can't open the file"));
    CHECK_THROWS_AS(read_idx_images("/tmp"), core::InputError);
}

TEST_CASE("labels and their agreement with the images") {
    const TemporaryFile images(header(8, {3, 1, 1}) + ramp(3));
    const TemporaryFile labels(header(8, {3}) + ramp(3));
    const TemporaryFile fewer(header(8, {2}) + ramp(2));
    CHECK(read_idx_labels(labels.path()) == std::vector<std::uint8_t>{0, 1, 2});
    CHECK(read_idx_labels(labels.path(), 1).size() == 1);
    CHECK(read_idx_dataset(images.path(), labels.path(), 3).labels.size() == 3);
    CHECK(read_idx_dataset(images.path(), labels.path(), 3, 2).labels.size() == 2);
    CHECK_THAT(message_of([&] { read_idx_dataset(images.path(), labels.path(), 2); }),
               Catch::Contains(labels.path() + ": label 2 is 2, expected below 2"));
    for (const std::size_t max_count : {0, 1, 2}) { // the files' counts, not the counts read, must agree
        CHECK_THAT(message_of([&] { read_idx_dataset(images.path(), fewer.path(), 3, max_count); }),
                   Catch::Contains(fewer.path() + ": has 2 labels, expected 3 as in " + images.path()));
    }
    CHECK_THROWS_AS(read_idx_labels(images.path()), core::InputError);
    CHECK_THROWS_AS(read_idx_images(labels.path()), core::InputError);
}

TEST_CASE("Fashion-MNIST as Debian installs it") {
    const std::string folder = "/usr/share/datasets/fashion-mnist/";
    const auto set =
        read_idx_dataset(folder + "t10k-images-idx3-ubyte.gz", folder + "t10k-labels-idx1-ubyte.gz", 10);
    CHECK(set.images.count == 10000);
    CHECK(set.images.rows == 28);
    CHECK(set.images.columns == 28);
    // The test set is balanced.
    std::vector<int> histogram(10);
    for (const auto label : set.labels) {
        ++histogram[label];
    }
    CHECK(histogram == std::vector<int>(10, 1000));
}
