// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/float_executor.h"

#include "hydravp/core/error.h"
#include "hydravp/workloads/random_network.h"

#include "im2col.h"
#include "largest_magnitude.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hydravp::workloads {

namespace {

using core::LayerDescriptor;
using Tensor = std::vector<double>;

// Bounds of the temporary matrices, in doubles: the unfolded input stays in the cache, and fc6 of a VGG
// (102 M weights) is never held at once.
constexpr std::size_t unfolded_limit = std::size_t{1} << 18;
constexpr std::size_t weights_limit = std::size_t{1} << 22;
constexpr std::size_t batch_limit = std::size_t{1} << 23; ///< largest tensor times images per batch

/// The network applied to one batch of images, layer by layer, so that weights are fetched once per batch.
class BatchRun {
public:
    BatchRun(const FloatNetwork& net, const ChannelSplits& splits, std::vector<LayerRange>& ranges)
        : net_(net), splits_(splits), ranges_(ranges), tensors_(net.network.layers.size() + 1) {
        last_use_.assign(tensors_.size(), 0);
        for (std::size_t i = 0; i < net.network.layers.size(); ++i) {
            const auto& layer = net.network.layers[i];
            for (const int source : layer.sources()) {
                last_use_[slot(source)] = i;
            }
        }
        last_use_.back() = std::numeric_limits<std::size_t>::max();
    }

    /// Result: [image][output].
    Tensor run(const std::vector<std::vector<std::uint8_t>>& images, std::size_t first, std::size_t count) {
        images_ = count;
        auto& input = tensors_[0];
        input.clear();
        for (std::size_t i = first; i < first + count; ++i) {
            for (const auto byte : images[i]) {
                input.push_back(byte * net_.input_scale);
            }
        }
        for (std::size_t i = 0; i < net_.network.layers.size(); ++i) {
            const auto& layer = net_.network.layers[i];
            Tensor out(count * layer.out.words());
            if (layer.is_pool()) {
                pool(layer, out);
            } else if (layer.is_concat()) {
                join(layer, out);
            } else {
                convolution(i, out);
            }
            ranges_[i].output = std::max(ranges_[i].output, largest_magnitude(out.data(), out.size()));
            tensors_[i + 1] = std::move(out);
            for (std::size_t t = 0; t <= i; ++t) {
                if (last_use_[t] == i) {
                    tensors_[t] = Tensor();
                }
            }
        }
        return std::move(tensors_.back());
    }

private:
    static std::size_t slot(int index) { return static_cast<std::size_t>(index) + 1; }

    void convolution(std::size_t index, Tensor& out) {
        const auto& layer = net_.network.layers[index];
        if (!splits_.empty() && splits_[index] == 0) {
            throw std::invalid_argument("layer '" + layer.name + "': no residue class");
        }
        for (std::uint32_t group = 0; group < layer.groups; ++group) {
            convolve_group(index, group, out);
        }
        finish(index, out);
    }

    void convolve_group(std::size_t index, std::uint32_t group, Tensor& out) {
        const auto& layer = net_.network.layers[index];
        const std::size_t taps = layer.taps();
        const std::size_t depth = layer.filter_channels() * taps;
        const auto classes = channel_classes(layer, group, splits_.empty() ? 1 : splits_[index]);
        const std::uint32_t group_filters = layer.out.channels / layer.groups;
        // The analyzer doesn't see the constant's value.
        // NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult)
        const auto filters_per_block =
            static_cast<std::uint32_t>(std::clamp<std::size_t>(weights_limit / depth, 1, group_filters));
        // NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult)
        std::vector<double> row(depth);
        std::vector<double> weights(filters_per_block * depth);
        for (std::uint32_t begin = 0; begin < group_filters; begin += filters_per_block) {
            const auto filters = std::min(filters_per_block, group_filters - begin);
            const std::uint32_t first = group * group_filters + begin;
            for (std::uint32_t f = 0; f < filters; ++f) {
                read_weights(net_, index, first + f, 1, row.data());
                permute_channels(row.data(), classes, taps, weights.data() + f * depth);
            }
            multiply(index, first, filters, weights, classes, out);
        }
    }

    /// Weights times unfolded input, tile by tile of the batch's (image, position) columns.
    void multiply(std::size_t index, std::uint32_t filter, std::uint32_t filters,
                  const std::vector<double>& weights, const ChannelClasses& classes, Tensor& out) {
        const auto& layer = net_.network.layers[index];
        const std::size_t depth = classes.order.size() * layer.taps();
        const std::size_t positions = layer.out.positions();
        const std::size_t columns = images_ * positions;
        const std::size_t tile = std::clamp<std::size_t>(
            unfolded_limit / depth, std::min<std::size_t>(columns, 64), std::min<std::size_t>(columns, 2048));
        unfolded_.resize(depth * tile);
        products_.resize(filters * tile);
        const auto& input = tensors_[slot(layer.input)];
        for (std::size_t column = 0; column < columns; column += tile) {
            const std::size_t n = std::min(tile, columns - column);
            for_each_image_part(column, n, positions,
                                [&](std::size_t image, std::size_t begin, std::size_t count, std::size_t at) {
                                    im2col(layer, input.data() + image * layer.in.words(), classes.order,
                                           begin, count, unfolded_.data() + at, n);
                                });
            std::size_t class_begin = 0;
            for (const auto channels : classes.sizes) {
                const std::size_t class_depth = channels * layer.taps();
                cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(filters),
                            static_cast<blasint>(n), static_cast<blasint>(class_depth), 1.0,
                            weights.data() + class_begin, static_cast<blasint>(depth),
                            unfolded_.data() + class_begin * n, static_cast<blasint>(n), 0.0,
                            products_.data(), static_cast<blasint>(n));
                class_begin += class_depth;
                if (!splits_.empty()) {
                    ranges_[index].partial_sum = std::max(ranges_[index].partial_sum,
                                                          largest_magnitude(products_.data(), filters * n));
                }
                for_each_image_part(
                    column, n, positions,
                    [&](std::size_t image, std::size_t begin, std::size_t count, std::size_t at) {
                        for (std::uint32_t f = 0; f < filters; ++f) {
                            double* to =
                                out.data() + image * layer.out.words() + (filter + f) * positions + begin;
                            const double* from = products_.data() + f * n + at;
                            for (std::size_t i = 0; i < count; ++i) {
                                to[i] += from[i];
                            }
                        }
                    });
            }
        }
    }

    /// Cuts the columns [column, column + n) where an image ends: part(image, begin, count, offset in the
    /// tile).
    template <class Part>
    static void for_each_image_part(std::size_t column, std::size_t n, std::size_t positions, Part part) {
        for (std::size_t done = 0; done < n;) {
            const std::size_t image = (column + done) / positions;
            const std::size_t begin = (column + done) % positions;
            const std::size_t count = std::min(positions - begin, n - done);
            part(image, begin, count, done);
            done += count;
        }
    }

    /// Bias, shortcut and activation function.
    void finish(std::size_t index, Tensor& out) const {
        const auto& layer = net_.network.layers[index];
        const std::size_t positions = layer.out.positions();
        for (std::size_t image = 0; image < images_; ++image) {
            double* frame = out.data() + image * layer.out.words();
            for (std::uint32_t f = 0; f < layer.out.channels; ++f) {
                for (std::size_t i = 0; i < positions; ++i) {
                    frame[f * positions + i] += net_.layers[index].bias[f];
                }
            }
            if (layer.residual) {
                add_shortcut(layer, image, frame);
            }
            activate(layer, frame);
        }
    }

    static void activate(const LayerDescriptor& layer, double* frame) {
        const auto apply = [&](auto function) {
            std::transform(frame, frame + layer.out.words(), frame, function);
        };
        switch (layer.activation) {
        case core::Activation::none:
            break;
        case core::Activation::relu:
            apply([](double x) { return std::max(x, 0.0); });
            break;
        case core::Activation::relu6:
            apply([](double x) { return std::clamp(x, 0.0, 6.0); });
            break;
        case core::Activation::leaky_relu:
            apply([slope = layer.negative_slope](double x) { return x < 0 ? x * slope : x; });
            break;
        }
    }

    void join(const LayerDescriptor& layer, Tensor& out) const {
        double* to = out.data();
        for (std::size_t image = 0; image < images_; ++image) {
            for (const int member : layer.members) {
                const std::size_t words = net_.network.shape_of(member).words();
                to = std::copy_n(tensors_[slot(member)].data() + image * words, words, to);
            }
        }
    }

    void add_shortcut(const LayerDescriptor& layer, std::size_t image, double* frame) const {
        const auto& shape = net_.network.shape_of(layer.residual->source);
        const auto step = layer.residual->subsample;
        const double* from = tensors_[slot(layer.residual->source)].data() + image * shape.words();
        for (std::uint32_t c = 0; c < shape.channels; ++c) {
            for (std::uint32_t y = 0; y < layer.out.height; ++y) {
                for (std::uint32_t x = 0; x < layer.out.width; ++x) {
                    frame[(std::size_t{c} * layer.out.height + y) * layer.out.width + x] +=
                        from[(std::size_t{c} * shape.height + std::size_t{y} * step) * shape.width +
                             std::size_t{x} * step];
                }
            }
        }
    }

    void pool(const LayerDescriptor& layer, Tensor& out) const {
        const double* plane = tensors_[slot(layer.input)].data();
        double* to = out.data();
        const bool average = layer.kind == core::LayerKind::average_pool;
        for (std::size_t c = 0; c < images_ * layer.in.channels; ++c, plane += layer.in.positions()) {
            for (std::uint32_t oy = 0; oy < layer.out.height; ++oy) {
                for (std::uint32_t ox = 0; ox < layer.out.width; ++ox) {
                    const auto window = pool_window(layer, oy, ox);
                    double value = average ? 0 : -std::numeric_limits<double>::infinity();
                    for (auto y = window.top; y < window.bottom; ++y) {
                        for (auto x = window.left; x < window.right; ++x) {
                            const double word = plane[std::size_t{y} * layer.in.width + x];
                            value = average ? value + word : std::max(value, word);
                        }
                    }
                    *to++ = average ? value / static_cast<double>(pool_divisor(layer, oy, ox)) : value;
                }
            }
        }
    }

    const FloatNetwork& net_;
    const ChannelSplits& splits_;
    std::vector<LayerRange>& ranges_;
    std::size_t images_ = 0;
    std::vector<Tensor> tensors_; ///< of the batch: the input, then each layer's output
    std::vector<std::size_t> last_use_;
    std::vector<double> unfolded_;
    std::vector<double> products_;
};

template <class Consume>
void run_batches(const FloatNetwork& net, const std::vector<std::vector<std::uint8_t>>& images,
                 const ChannelSplits& splits, std::vector<LayerRange>& ranges, Consume consume) {
    for (const auto& image : images) {
        check_image_size(net.network, image);
    }
    std::size_t largest = net.network.input.words();
    for (const auto& layer : net.network.layers) {
        largest = std::max<std::size_t>(largest, layer.out.words());
    }
    const std::size_t batch = std::clamp<std::size_t>(batch_limit / largest, 1, 256);
    ranges.assign(net.network.layers.size(), {});
    BatchRun run(net, splits, ranges);
    for (std::size_t first = 0; first < images.size(); first += batch) {
        const auto count = std::min(batch, images.size() - first);
        consume(run.run(images, first, count), count);
    }
}

} // namespace

void check_image_size(const core::Network& net, const std::vector<std::uint8_t>& image) {
    if (image.size() != net.input.words()) {
        throw core::InputError(
            "network '" + net.name + "' takes " + std::to_string(net.input.channels) + "x" +
            std::to_string(net.input.height) + "x" + std::to_string(net.input.width) + " images, " +
            std::to_string(net.input.words()) + " bytes; an image has " + std::to_string(image.size()));
    }
}

ChannelSplits channel_splits(const core::Network& network, const ChannelSplitFunction& split) {
    ChannelSplits splits;
    for (const core::LayerDescriptor& layer : network.layers) {
        splits.push_back(split(layer.in.channels));
    }
    return splits;
}

std::vector<LayerRange> measure_ranges(const FloatNetwork& net,
                                       const std::vector<std::vector<std::uint8_t>>& images,
                                       const ChannelSplits& splits) {
    std::vector<LayerRange> ranges;
    run_batches(net, images, splits, ranges, [](const Tensor&, std::size_t) {});
    return ranges;
}

std::vector<std::vector<double>> run_float(const FloatNetwork& net,
                                           const std::vector<std::vector<std::uint8_t>>& images) {
    std::vector<std::vector<double>> results;
    std::vector<LayerRange> ranges;
    run_batches(net, images, {}, ranges, [&](const Tensor& batch, std::size_t count) {
        const auto size = static_cast<std::ptrdiff_t>(batch.size() / count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto begin = batch.begin() + static_cast<std::ptrdiff_t>(i) * size;
            results.emplace_back(begin, begin + size);
        }
    });
    return results;
}

} // namespace hydravp::workloads
