// SPDX-License-Identifier: Apache-2.0
// Images and labels in idx files.
#include "hydravp/core/error.h"
#include "hydravp/workloads/idx_reader.h"

#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    const fuzz::InputFile file(data, size);
    const auto images = [&](std::size_t max_count) {
        return fuzz::accepts<core::InputError>([&] {
            const workloads::ImageSet set = workloads::read_idx_images(file.path(), max_count);
            fuzz::require(set.pixels.size() == set.count * set.image_size(), "every image is whole");
            fuzz::require(set.count <= set.count_in_file && (max_count == 0 || set.count <= max_count),
                          "no more images than asked for");
            fuzz::require(set.first(2).size() <= 2, "the first two images are two at most");
        });
    };
    const auto labels = [&](std::size_t max_count) {
        return fuzz::accepts<core::InputError>([&] {
            const auto values = workloads::read_idx_labels(file.path(), max_count);
            fuzz::require(max_count == 0 || values.size() <= max_count, "no more labels than asked for");
        });
    };
    const bool some_images = images(2);
    const bool all_images = images(0);
    const bool some_labels = labels(2);
    const bool all_labels = labels(0);
    fuzz::require(some_images || !all_images, "who reads all images reads some of them");
    fuzz::require(some_labels || !all_labels, "who reads all labels reads some of them");
    fuzz::refused = !all_images && !all_labels;
    return 0;
}
