// SPDX-License-Identifier: Apache-2.0
// ONNX graphs that branch and join: what the network computes is what the nodes say, and it is made of the
// layers that one would choose by hand.
#include "hydravp/workloads/float_executor.h"

#include "naive_network.h"
#include "onnx_evaluation.h"
#include "onnx_model_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using Catch::Contains;
using core::Activation;
using test::Ints;
using test::ModelWriter;

namespace {

/// A model under construction: nodes with random parameters on named values.
class GraphMaker {
public:
    explicit GraphMaker(std::uint64_t seed, const Ints& input = {1, 3, 8, 7})
        : model(input), random_(seed), dice_(seed) {}

    std::string convolution(const std::string& from, std::int64_t channels, std::int64_t filters,
                            std::int64_t kernel = 1, std::int64_t stride = 1, std::int64_t groups = 1) {
        const std::string weights = parameter({filters, channels / groups, kernel, kernel});
        const std::string out = model.add_node("Conv", {from, weights, parameter({filters})});
        ModelWriter::ints(model.last_node(), "pads", {kernel / 2, kernel / 2, kernel / 2, kernel / 2});
        ModelWriter::ints(model.last_node(), "strides", {stride, stride});
        ModelWriter::integer(model.last_node(), "group", groups);
        return out;
    }
    std::string norm(const std::string& from, std::int64_t channels) {
        return model.add_node("BatchNormalization", {from, parameter({channels}), parameter({channels}),
                                                     parameter({channels}), parameter({channels}, 0.2F, 2)});
    }
    std::string relu(const std::string& from) { return model.add_node("Relu", {from}); }
    std::string clip(const std::string& from) {
        const std::string out = model.add_node("Clip", {from});
        ModelWriter::real(model.last_node(), "min", 0);
        ModelWriter::real(model.last_node(), "max", 6);
        return out;
    }
    std::string leaky(const std::string& from) {
        const std::string out = model.add_node("LeakyRelu", {from});
        ModelWriter::real(model.last_node(), "alpha", 0.25);
        return out;
    }
    std::string pool(const std::string& from, const char* op, std::int64_t kernel, std::int64_t stride) {
        const std::string out = model.add_node(op, {from});
        ModelWriter::ints(model.last_node(), "kernel_shape", {kernel, kernel});
        ModelWriter::ints(model.last_node(), "strides", {stride, stride});
        ModelWriter::ints(model.last_node(), "pads", {kernel / 2, kernel / 2, kernel / 2, kernel / 2});
        return out;
    }
    std::string concat(const std::vector<std::string>& inputs) {
        const std::string out = model.add_node("Concat", inputs);
        ModelWriter::integer(model.last_node(), "axis", 1);
        return out;
    }
    std::string shape(const Ints& values) {
        auto& tensor = *model.graph().add_initializer();
        tensor.set_name("shape" + std::to_string(++parameters_));
        tensor.set_data_type(onnx::TensorProto::INT64);
        tensor.add_dims(static_cast<std::int64_t>(values.size()));
        for (const std::int64_t value : values) {
            tensor.add_int64_data(value);
        }
        return tensor.name();
    }
    std::string parameter(const Ints& dims, float low = -0.5F, float high = 0.5F) {
        std::int64_t count = 1;
        for (const std::int64_t d : dims) {
            count *= d;
        }
        std::uniform_real_distribution<float> value(low, high);
        std::vector<float> values(static_cast<std::size_t>(count));
        std::generate(values.begin(), values.end(), [&] { return value(random_); });
        const std::string name = "parameter" + std::to_string(++parameters_);
        model.tensor(name, dims, values);
        return name;
    }
    std::int64_t from(std::int64_t low, std::int64_t high) { return dice_(low, high); }

    ModelWriter model;

private:
    std::mt19937_64 random_;
    naive::Dice dice_;
    int parameters_ = 0;
};

/// Reads the model and compares its result, for a random image, with that of the nodes.
workloads::FloatNetwork check(ModelWriter& model, std::uint64_t seed = 1) {
    workloads::FloatNetwork net = model.read();
    std::vector<std::uint8_t> image(net.network.input.words());
    naive::Dice dice(seed);
    std::generate(image.begin(), image.end(), [&] { return static_cast<std::uint8_t>(dice(0, 255)); });
    std::vector<double> words;
    for (const std::uint8_t byte : image) {
        words.push_back(byte * net.input_scale);
    }
    const std::vector<double> expected = test::OnnxEvaluation(model.graph()).run(words);
    const std::vector<double> found = workloads::run_float(net, {image})[0];
    REQUIRE(found.size() == expected.size());
    double largest = 0;
    double deviation = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        deviation = std::max(deviation, std::abs(found[i] - expected[i]));
    }
    REQUIRE(largest > 0);
    REQUIRE(deviation <= 1e-9 * largest);
    return net;
}

std::vector<std::string> kinds(const workloads::FloatNetwork& net) {
    std::vector<std::string> all;
    for (const auto& layer : net.network.layers) {
        all.push_back(core::to_string(layer.kind));
    }
    return all;
}

struct Shaped {
    std::string name;
    std::int64_t channels, height, width;
    bool read = false;
};

/// Nodes of all kinds on values chosen at random, everything joined in the end.
class RandomGraph {
public:
    explicit RandomGraph(std::uint64_t seed) : maker(seed) {
        values_.push_back({"input", 3, 8, 7});
        const std::int64_t nodes = maker.from(3, 18);
        for (std::int64_t i = 0; i < nodes; ++i) {
            grow();
        }
        join_all();
    }
    GraphMaker maker;

private:
    Shaped& any() {
        const auto last = static_cast<std::int64_t>(values_.size()) - 1;
        Shaped& value =
            values_[static_cast<std::size_t>(maker.from(std::max<std::int64_t>(0, last - 4), last))];
        value.read = true;
        return value;
    }
    void put(std::string name, const Shaped& like, std::int64_t channels, std::int64_t stride = 1) {
        const auto strided = [&](std::int64_t size) { return (size - 1) / stride + 1; };
        values_.push_back({std::move(name), channels, strided(like.height), strided(like.width)});
    }
    /// Another value of the same height and width, and the same number of channels if `exactly`.
    Shaped* like(const Shaped& value, bool exactly) {
        std::vector<Shaped*> all;
        for (Shaped& other : values_) {
            if (other.height == value.height && other.width == value.width &&
                (!exactly || other.channels == value.channels)) {
                all.push_back(&other);
            }
        }
        Shaped* found =
            all[static_cast<std::size_t>(maker.from(0, static_cast<std::int64_t>(all.size()) - 1))];
        found->read = true;
        return found;
    }
    void grow() {
        const Shaped from = any();
        switch (maker.from(0, 11)) {
        case 0:
            put(maker.norm(from.name, from.channels), from, from.channels);
            break;
        case 1:
            put(maker.relu(from.name), from, from.channels);
            break;
        case 2:
            put(maker.from(0, 1) != 0 ? maker.clip(from.name) : maker.leaky(from.name), from, from.channels);
            break;
        case 3:
            put(maker.pool(from.name, maker.from(0, 1) != 0 ? "MaxPool" : "AveragePool", 3, 2), from,
                from.channels, 2);
            break;
        case 4: {
            const std::string constant = maker.parameter({1, from.channels, 1, 1});
            put(maker.model.add_node("Add", maker.from(0, 1) != 0
                                                ? std::vector<std::string>{from.name, constant}
                                                : std::vector<std::string>{constant, from.name}),
                from, from.channels);
            break;
        }
        case 5:
        case 6:
            put(maker.model.add_node("Add", {from.name, like(from, true)->name}), from, from.channels);
            break;
        case 7:
        case 8: {
            std::vector<std::string> members{from.name};
            std::int64_t channels = from.channels;
            for (std::int64_t more = maker.from(0, 2); more > 0 && channels < 60; --more) {
                const Shaped* next = like(from, false);
                members.push_back(next->name);
                channels += next->channels;
            }
            put(maker.concat(members), from, channels);
            break;
        }
        case 9:
            put(maker.model.add_node("Identity", {from.name}), from, from.channels);
            break;
        default: {
            const std::int64_t stride = maker.from(1, 2);
            const bool same = maker.from(0, 1) != 0; // so that sums are possible
            const std::int64_t filters = same && stride == 1 ? from.channels : maker.from(1, 6);
            put(maker.convolution(from.name, from.channels, filters, 2 * maker.from(0, 1) + 1, stride), from,
                filters, stride);
        }
        }
    }
    void join_all() {
        std::vector<std::string> averages;
        std::int64_t channels = 0;
        for (const Shaped& value : values_) {
            if (!value.read) {
                averages.push_back(maker.model.add_node("GlobalAveragePool", {value.name}));
                channels += value.channels;
            }
        }
        std::string all = averages.size() == 1 ? averages.front() : maker.concat(averages);
        all = maker.from(0, 1) != 0 ? maker.model.add_node("Flatten", {all})
                                    : maker.model.add_node("Reshape", {all, maker.shape({-1, channels})});
        const std::string product = maker.model.add_node("MatMul", {all, maker.parameter({channels, 4})});
        maker.model.add_node("Add", {product, maker.parameter({4})});
    }

    std::vector<Shaped> values_;
};

} // namespace

TEST_CASE("a block with a shortcut is two convolutions, whichever operand comes first") {
    for (const bool shortcut_first : {false, true}) {
        GraphMaker g(2);
        const std::string entry = g.relu(g.convolution("input", 3, 4, 3));
        const std::string a = g.relu(g.norm(g.convolution(entry, 4, 4, 3), 4));
        const std::string b = g.norm(g.convolution(a, 4, 4, 3), 4);
        g.relu(g.model.add_node("Add", shortcut_first ? std::vector<std::string>{entry, b}
                                                      : std::vector<std::string>{b, entry}));
        const auto net = check(g.model);
        REQUIRE(net.network.layers.size() == 3);
        const auto& last = net.network.layers.back();
        REQUIRE(last.residual);
        CHECK(last.residual->source == 0);
        CHECK(last.activation == Activation::relu);
        CHECK(net.network.layers[1].activation == Activation::relu);
    }
}

TEST_CASE("a projection is the source of the shortcut, or takes it if it comes later") {
    for (const bool projection_first : {false, true}) {
        GraphMaker g(3);
        std::string projection;
        if (projection_first) {
            projection = g.norm(g.convolution("input", 3, 5, 1, 2), 5);
        }
        const std::string a = g.relu(g.convolution("input", 3, 2, 3, 2));
        const std::string b = g.norm(g.convolution(a, 2, 5, 3), 5);
        if (!projection_first) {
            projection = g.norm(g.convolution("input", 3, 5, 1, 2), 5);
        }
        g.relu(g.model.add_node("Add", {b, projection}));
        const auto net = check(g.model);
        REQUIRE(net.network.layers.size() == 3);
        REQUIRE(net.network.layers.back().residual);
        CHECK(net.network.layers.back().residual->source == (projection_first ? 0 : 1));
    }
}

TEST_CASE("what no convolution can do along becomes a depthwise one") {
    GraphMaker g(4);
    const std::string pooled = g.pool("input", "MaxPool", 3, 2);
    const std::string sum = g.model.add_node("Add", {pooled, pooled});
    g.leaky(g.norm(sum, 3));
    const auto net = check(g.model);
    CHECK(kinds(net) == std::vector<std::string>{"max_pool", "conv", "conv"});
    CHECK(net.network.layers[1].groups == 3);
    CHECK(net.network.layers[1].residual->source == 0);
    CHECK(net.network.layers[2].groups == 3);
    CHECK(net.network.layers[2].activation == Activation::leaky_relu);
}

TEST_CASE("a value with several readers stays as it is") {
    GraphMaker g(5);
    const std::string c = g.convolution("input", 3, 4, 3);
    const std::string rectified = g.relu(c);
    const std::string leaky = g.leaky(c);
    g.model.add_node("Add", {rectified, leaky});
    const auto net = check(g.model);
    CHECK(net.network.layers[0].activation == Activation::none);
    CHECK(net.network.layers.size() == 4);
}

TEST_CASE("a fire module") {
    GraphMaker g(6);
    const std::string squeezed = g.relu(g.convolution("input", 3, 2));
    const std::string ones = g.relu(g.convolution(squeezed, 2, 4));
    const std::string threes = g.relu(g.convolution(squeezed, 2, 4, 3));
    g.model.add_node("GlobalAveragePool", {g.relu(g.convolution(g.concat({ones, threes}), 8, 5))});
    const auto net = check(g.model);
    CHECK(kinds(net) == std::vector<std::string>{"conv", "conv", "conv", "concat", "conv", "average_pool"});
    CHECK(net.network.layers[3].members == std::vector<int>{1, 2});
}

TEST_CASE("nested concats, with the input and a value that belongs to another one already") {
    GraphMaker g(7);
    const std::string a = g.convolution("input", 3, 4, 3);
    const std::string b = g.relu(g.convolution("input", 3, 2));
    const std::string inner = g.concat({a, b, "input"});
    const std::string outer = g.concat({inner, a});
    g.convolution(outer, 13, 3, 3);
    const auto net = check(g.model);
    // a, b, a copy of the input, the inner one; a copy of it and of a in the outer one
    CHECK(std::count_if(net.network.layers.begin(), net.network.layers.end(),
                        [](const auto& layer) { return layer.is_concat(); }) == 2);
}

TEST_CASE("a dense block normalises what it has joined") {
    GraphMaker g(8);
    std::string all = g.convolution("input", 3, 4, 3);
    for (std::int64_t channels = 4; channels < 13; channels += 3) {
        const std::string grown = g.convolution(g.relu(g.norm(all, channels)), channels, 3, 3);
        all = g.concat({all, grown});
    }
    g.relu(g.norm(all, 13));
    const auto net = check(g.model);
    CHECK(std::count_if(net.network.layers.begin(), net.network.layers.end(),
                        [](const auto& layer) { return layer.is_concat(); }) == 3);
}

TEST_CASE("means, reshapes, squeezes and products as exporters write them") {
    for (const int variant : {0, 1, 2, 3}) {
        GraphMaker g(9);
        const std::string c = g.convolution("input", 3, 6, 3);
        std::string features;
        if (variant < 2) {
            features = g.model.add_node("ReduceMean", {c});
            ModelWriter::ints(g.model.last_node(), "axes", variant == 0 ? Ints{2, 3} : Ints{-1, -2});
            ModelWriter::integer(g.model.last_node(), "keepdims", variant);
        } else {
            features = g.model.add_node("GlobalMaxPool", {c});
        }
        if (variant == 1) {
            features = g.model.add_node("Reshape", {features, g.shape({1, -1})});
        } else if (variant == 2) {
            features = g.model.add_node("Squeeze", {features, g.shape({2, -1})});
        } else if (variant == 3) {
            features = g.model.add_node("Squeeze", {features});
            ModelWriter::ints(g.model.last_node(), "axes", {2, 3});
        }
        const std::string product = g.model.add_node("MatMul", {features, g.parameter({6, 5})});
        g.relu(g.model.add_node("Add", {g.parameter({5}), product}));
        const auto net = check(g.model);
        CHECK(net.network.layers.size() == 3);
        CHECK(net.network.layers.back().activation == Activation::relu);
    }
}

TEST_CASE("a constant may come from a node") {
    GraphMaker g(10);
    const std::string c = g.model.add_node("Constant", {});
    auto& value = *g.model.last_node().add_attribute();
    value.set_name("value");
    value.set_type(onnx::AttributeProto::TENSOR);
    value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
    const float three = 3;
    value.mutable_t()->set_raw_data(&three, sizeof three);
    g.model.add_node("Add", {g.convolution("input", 3, 2), c});
    CHECK(check(g.model).network.layers.size() == 1);
}

TEST_CASE("random graphs compute what their nodes say") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        RandomGraph random(seed);
        check(random.maker.model, seed);
    }
}

TEST_CASE("joining what does not fit is refused") {
    const auto error = [](auto make) {
        GraphMaker g(11);
        make(g, g.convolution("input", 3, 4, 3));
        return g.model.error();
    };
    using Name = const std::string&;
    const auto smaller = [](GraphMaker& g) { return g.convolution("input", 3, 4, 3, 2); };
    CHECK_THAT(error([&](GraphMaker& g, Name a) {
                   g.model.add_node("Add", {a, smaller(g)});
               }),
               Contains("(Add): its inputs have different shapes"));
    CHECK_THAT(error([&](GraphMaker& g, Name a) {
                   g.concat({a, smaller(g)});
               }),
               Contains("(Concat): input 1 has other rows and columns than input 0"));
    CHECK_THAT(error([](GraphMaker& g, Name a) {
                   g.model.add_node("Concat", {a, a});
                   ModelWriter::integer(g.model.last_node(), "axis", 2);
               }),
               Contains("axis is 2, supported is 1"));
    CHECK_THAT(error([](GraphMaker& g, Name a) {
                   g.model.add_node("Add", {a, g.parameter({5})});
               }),
               Contains("adds a constant with shape [5], expected one value per channel"));
    CHECK_THAT(error([](GraphMaker& g, Name a) {
                   g.model.add_node("ReduceMean", {a});
                   ModelWriter::ints(g.model.last_node(), "axes", {1});
               }),
               Contains("axes are [1], supported are [2, 3]"));
    CHECK_THAT(error([](GraphMaker& g, Name a) {
                   g.model.add_node("Reshape", {a, g.shape({-1, 4, 28})});
               }),
               Contains("reshapes to [-1, 4, 28], supported is [-1, 224]"));
    CHECK_THAT(error([](GraphMaker& g, Name a) { g.model.add_node("Squeeze", {a}); }),
               Contains("removes axes [], supported are [2, 3] of a single row and column"));
    CHECK_THAT(error([](GraphMaker& g, Name) { g.relu("input"); }),
               Contains("nobody reads its output 'Conv1.out'"));
}

TEST_CASE("doubling concats don't grow without bound") {
    GraphMaker g(12);
    std::string value = "input";
    for (int i = 0; i < 40; ++i) {
        value = g.concat({value, value});
    }
    CHECK_THAT(g.model.error(), Contains("(Concat): its output is too large"));
}
