// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::workloads {

/// Grey 8-bit images of one size.
struct ImageSet {
    std::size_t count = 0; ///< images in `pixels`
    std::uint32_t rows = 0;
    std::uint32_t columns = 0;
    std::vector<std::uint8_t> pixels; ///< [image][row][column]
    std::size_t count_in_file = 0;    ///< above `count` if the reader was told to stop earlier

    std::size_t image_size() const { return std::size_t{rows} * columns; }
    std::vector<std::uint8_t> image(std::size_t index) const {
        const auto* first = pixels.data() + index * image_size();
        return {first, first + image_size()};
    }
    /// The first `n` images, or all if there are fewer.
    std::vector<std::vector<std::uint8_t>> first(std::size_t n) const;
};

struct LabelledImages {
    ImageSet images;
    std::vector<std::uint8_t> labels; ///< one per image
};

/// Readers of the idx format of MNIST and its successors, plain or gzip-compressed. At most `max_count` items
/// are read (0: all). All throw core::InputError with the file's name and what was found and expected.
/// Bytes after the last item are an error; in a compressed file they are seen only if all items are read.
ImageSet read_idx_images(const std::string& path, std::size_t max_count = 0);
std::vector<std::uint8_t> read_idx_labels(const std::string& path, std::size_t max_count = 0);

/// Images with their labels; also checks that the two files hold equally many, and labels below `classes`.
LabelledImages read_idx_dataset(const std::string& image_path, const std::string& label_path,
                                std::uint32_t classes, std::size_t max_count = 0);

} // namespace hydravp::workloads
