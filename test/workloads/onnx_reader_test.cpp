// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/onnx_reader.h"

#include "hydravp/core/error.h"
#include "hydravp/workloads/float_executor.h"

#include "naive_network.h"
#include "onnx_model_writer.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

using namespace hydravp;
using namespace hydravp::workloads;
using Catch::Contains;

namespace {

using test::Ints;
using test::ModelWriter;

float value_of(const onnx::TensorProto& tensor, std::size_t index) {
    float value = 0;
    std::memcpy(&value, tensor.raw_data().data() + index * sizeof(float), sizeof(float));
    return value;
}

} // namespace

TEST_CASE("the Fashion-MNIST model of the repository") {
    const auto net = read_onnx(std::string(HYDRAVP_SOURCE_DIR) + "/workloads/models/vggs_fashion.onnx");
    const auto& layers = net.network.layers;
    CHECK(net.network.input == core::TensorShape{1, 28, 28});
    std::vector<std::string> names;
    for (const auto& layer : layers) {
        names.push_back(layer.name);
        CHECK((layer.activation == core::Activation::relu) == (!layer.is_pool() && layer.name != "fc2"));
    }
    CHECK(names == std::vector<std::string>{"conv1", "conv2", "pool1", "conv3", "conv4", "pool2", "conv5",
                                            "pool3", "fc1", "fc2"});
    CHECK(layers[8].in == core::TensorShape{64, 3, 3});
    CHECK(layers[8].kind == core::LayerKind::fully_connected);
    CHECK(layers[8].taps() == 9);
    CHECK(net.network.macs() ==
          28 * 28 * 9 * (16 + 256) + 14 * 14 * 9 * (512 + 1024) + 49 * 9 * 2048 + 576 * 128 + 1280);
}

TEST_CASE("batch normalisation is folded in double precision") {
    ModelWriter model({1, 2, 4, 4});
    auto& conv = model.add("Conv", "c", 2);
    conv.set_name("c");
    const auto weights = model.tensor("c.0", {3, 2, 2, 2});
    const auto bias = model.tensor("c.1", {3});
    auto& norm = model.add("BatchNormalization", "n", 4);
    ModelWriter::real(norm, "epsilon", 0.001F);
    const auto scale = model.tensor("n.0", {3}, {0.3F, -1.7F, 2.5F});
    const auto shift = model.tensor("n.1", {3});
    const auto mean = model.tensor("n.2", {3});
    const auto variance = model.tensor("n.3", {3}, {0.1F, 0.7F, 3.0F});
    model.add("Relu", "r");
    const auto net = model.read();
    REQUIRE(net.layers.size() == 1);
    CHECK(net.network.layers[0].activation == core::Activation::relu);
    for (std::size_t f = 0; f < 3; ++f) {
        const double factor = value_of(scale, f) / std::sqrt(double{value_of(variance, f)} + double{0.001F});
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK(net.layers[0].weights[f * 8 + i] ==
                  Approx(value_of(weights, f * 8 + i) * factor).epsilon(1e-15));
        }
        CHECK(net.layers[0].bias[f] ==
              Approx((double{value_of(bias, f)} - value_of(mean, f)) * factor + value_of(shift, f))
                  .epsilon(1e-15));
    }
}

TEST_CASE("Gemm: transposed or not, with alpha, beta and a broadcast bias") {
    const auto read = [](bool transposed, std::vector<float> bias) {
        ModelWriter model({1, 3});
        auto& gemm = model.add("Gemm", "g", 2);
        model.tensor("g.0", transposed ? Ints{2, 3} : Ints{3, 2},
                     transposed ? std::vector<float>{1, 3, 5, 2, 4, 6}
                                : std::vector<float>{1, 2, 3, 4, 5, 6});
        model.tensor("g.1", {static_cast<std::int64_t>(bias.size())}, bias);
        ModelWriter::integer(gemm, "transB", transposed ? 1 : 0);
        ModelWriter::real(gemm, "alpha", 0.5F);
        ModelWriter::real(gemm, "beta", 2.0F);
        return model.read();
    };
    for (const bool transposed : {false, true}) {
        const auto net = read(transposed, {1, -3});
        CHECK(net.layers[0].weights == std::vector<double>{0.5, 1.5, 2.5, 1, 2, 3});
        CHECK(net.layers[0].bias == std::vector<double>{2, -6});
    }
    CHECK(read(false, {4}).layers[0].bias == std::vector<double>{8, 8});
}

TEST_CASE("a flattened Gemm keeps the order channel, row, column") {
    ModelWriter model({1, 2, 2, 3});
    model.add("Flatten", "f");
    auto& gemm = model.add("Gemm", "g", 1);
    ModelWriter::integer(gemm, "transB", 1);
    model.tensor("g.0", {4, 12});
    const auto net = model.read();
    CHECK(net.network.layers[0].kernel_height == 2);
    CHECK(net.network.layers[0].kernel_width == 3);
    CHECK(net.layers[0].weights[13] == value_of(model.initializer(0), 13));
    const std::vector<std::uint8_t> image{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    double expected = 0;
    for (std::size_t i = 0; i < 12; ++i) {
        expected += image[i] / 256.0 * value_of(model.initializer(0), 24 + i);
    }
    CHECK(run_float(net, {image})[0][2] == Approx(expected));
}

TEST_CASE("padding: explicit, SAME_UPPER, SAME_LOWER, VALID") {
    const auto padded = [](const char* mode, const Ints& input, std::int64_t kernel, std::int64_t stride) {
        ModelWriter model(input);
        auto& conv = model.add("Conv", "c", 1);
        model.tensor("c.0", {1, input[1], kernel, kernel});
        ModelWriter::ints(conv, "strides", {stride, stride});
        ModelWriter::text(conv, "auto_pad", mode);
        return model.read().network.layers[0];
    };
    const auto upper = padded("SAME_UPPER", {1, 1, 6, 7}, 2, 1);
    CHECK((upper.pad_top == 0 && upper.pad_bottom == 1 && upper.pad_left == 0 && upper.pad_right == 1));
    CHECK(upper.out == core::TensorShape{1, 6, 7});
    const auto lower = padded("SAME_LOWER", {1, 1, 6, 7}, 2, 1);
    CHECK((lower.pad_top == 1 && lower.pad_bottom == 0 && lower.pad_left == 1 && lower.pad_right == 0));
    const auto strided = padded("SAME_UPPER", {1, 1, 6, 7}, 3, 2);
    CHECK(strided.out == core::TensorShape{1, 3, 4});
    CHECK(
        (strided.pad_top == 0 && strided.pad_bottom == 1 && strided.pad_left == 1 && strided.pad_right == 1));
    CHECK(padded("SAME_UPPER", {1, 1, 5, 5}, 1, 3).out == core::TensorShape{1, 2, 2});
    CHECK(padded("VALID", {1, 1, 6, 7}, 3, 2).out == core::TensorShape{1, 2, 3});

    ModelWriter model({1, 2, 5, 5});
    model.conv("c", {1, 2, 3, 3}, {0, 1, 2, 3}); // top, left, bottom, right
    const auto layer = model.read().network.layers[0];
    CHECK((layer.pad_top == 0 && layer.pad_left == 1 && layer.pad_bottom == 2 && layer.pad_right == 3));
}

TEST_CASE("pooling nodes") {
    ModelWriter model({1, 2, 7, 7});
    auto& maximum = model.add("MaxPool", "m");
    ModelWriter::ints(maximum, "kernel_shape", {3, 2});
    ModelWriter::ints(maximum, "strides", {2, 1});
    ModelWriter::ints(maximum, "pads", {1, 0, 1, 1});
    auto& average = model.add("AveragePool", "a");
    ModelWriter::ints(average, "kernel_shape", {2, 2});
    ModelWriter::integer(average, "count_include_pad", 1); // without padding it makes no difference
    model.add("GlobalAveragePool", "g");
    model.add("Relu", "r"); // averages of pixels are not negative: nothing to do
    const auto net = model.read().network;
    REQUIRE(net.layers.size() == 3);
    CHECK(net.layers[0].out == core::TensorShape{2, 4, 7});
    CHECK(net.layers[1].out == core::TensorShape{2, 3, 6});
    CHECK(net.layers[1].stride_height == 1);
    CHECK(net.layers[2].out == core::TensorShape{2, 1, 1});
    CHECK(net.layers[2].kernel_width == 6);
    CHECK(net.layers[0].kind == core::LayerKind::max_pool);
    CHECK(net.layers[2].kind == core::LayerKind::average_pool);
}

TEST_CASE("poolings that round their size up or count their padding") {
    ModelWriter model({1, 2, 8, 8});
    auto& maximum = model.add("MaxPool", "m");
    ModelWriter::ints(maximum, "kernel_shape", {3, 3});
    ModelWriter::ints(maximum, "strides", {2, 2});
    ModelWriter::integer(maximum, "ceil_mode", 1);
    auto& average = model.add("AveragePool", "a");
    ModelWriter::ints(average, "kernel_shape", {3, 3});
    ModelWriter::ints(average, "pads", {1, 1, 1, 1});
    ModelWriter::integer(average, "count_include_pad", 1);
    model.add("GlobalMaxPool", "g");
    const auto net = model.read().network;
    REQUIRE(net.layers.size() == 3);
    CHECK(net.layers[0].out == core::TensorShape{2, 4, 4}); // 3 without
    CHECK(net.layers[0].ceil_mode);
    CHECK(net.layers[1].out == core::TensorShape{2, 4, 4});
    CHECK(net.layers[1].count_include_pad);
    CHECK(net.layers[2].kind == core::LayerKind::max_pool);
    CHECK(net.layers[2].out == core::TensorShape{2, 1, 1});
}

TEST_CASE("grouped and dilated convolutions, and normalisation of depthwise ones") {
    ModelWriter model({1, 4, 9, 9});
    auto& grouped = model.conv("grouped", {6, 2, 3, 3});
    ModelWriter::integer(grouped, "group", 2);
    ModelWriter::ints(grouped, "dilations", {2, 3});
    auto& depthwise = model.conv("depthwise", {6, 1, 1, 1});
    ModelWriter::integer(depthwise, "group", 6);
    model.add("BatchNormalization", "bn", 4);
    model.tensor("bn.0", {6}, {1, 2, 3, 4, 5, 6});
    model.tensor("bn.1", {6}, {0, 0, 0, 0, 0, 1});
    model.tensor("bn.2", {6}, {0, 0, 0, 0, 0, 0});
    model.tensor("bn.3", {6}, {1, 1, 1, 1, 1, 1});
    const FloatNetwork net = model.read();
    REQUIRE(net.network.layers.size() == 2);
    const core::LayerDescriptor& first = net.network.layers[0];
    CHECK(first.groups == 2);
    CHECK((first.dilation_height == 2 && first.dilation_width == 3));
    CHECK(first.out == core::TensorShape{6, 5, 3}); // windows of 5 x 7
    CHECK(net.network.layers[1].groups == 6);
    for (std::size_t f = 0; f < 6; ++f) { // the weights of `tensor()`, each scaled with its filter's factor
        const double weight = (static_cast<double>((f * 7 + 3) % 11) - 5) / 8;
        CHECK(net.layers[1].weights[f] == Approx(weight * static_cast<double>(f + 1) / std::sqrt(1 + 1e-5)));
    }
    CHECK(net.layers[1].bias[5] == 1);
}

TEST_CASE("activations") {
    using core::Activation;
    const auto activation = [](auto add) {
        ModelWriter model;
        model.conv("c", {2, 2, 1, 1});
        add(model);
        const auto layer = model.read().network.layers.at(0);
        return std::pair(layer.activation, layer.negative_slope);
    };
    const auto clip = [&](float low, float high) {
        return [=](ModelWriter& model) {
            auto& node = model.add("Clip", "n");
            ModelWriter::real(node, "min", low);
            ModelWriter::real(node, "max", high);
        };
    };
    CHECK(activation([](ModelWriter& m) { m.add("Relu", "n"); }).first == Activation::relu);
    CHECK(activation(clip(0, 6)).first == Activation::relu6);
    CHECK(activation(clip(0, std::numeric_limits<float>::max())).first == Activation::relu);
    CHECK(activation([](ModelWriter& m) {
              m.add("Clip", "n", 2);
              m.tensor("n.0", {}, {0});
              m.tensor("n.1", {}, {6});
          }).first == Activation::relu6);
    CHECK(activation([](ModelWriter& m) {
              m.add("Dropout", "d");
              ModelWriter::real(m.add("LeakyRelu", "n"), "alpha", 0.25);
              m.add("Identity", "i");
          }) == std::pair(Activation::leaky_relu, 0.25));
    const auto error = [](auto add) {
        ModelWriter model;
        model.conv("c", {2, 2, 1, 1});
        add(model);
        return model.error();
    };
    CHECK_THAT(error(clip(-1, 6)), Contains("node 'n' (Clip): clips to [-1, 6], supported are [0, 6]"));
    CHECK_THAT(error(clip(0, 5)), Contains("clips to [0, 5]"));
    CHECK_THAT(error([](ModelWriter& m) {
                   m.add("Clip", "n", 1);
                   m.tensor("n.0", {2}, {0, 0});
               }),
               Contains("min has shape [2], expected a single number"));
    CHECK_THAT(error([](ModelWriter& m) { ModelWriter::real(m.add("LeakyRelu", "n"), "alpha", 1.5); }),
               Contains("alpha is 1.5, expected at least 0 and below 1"));
}

TEST_CASE("weights as raw bytes, float data, double data and raw doubles are the same network") {
    const auto read = [](int variant) {
        ModelWriter model({1, 2});
        model.add("Gemm", "g", 1);
        auto& tensor = model.tensor("g.0", {2, 2}, {1, -2, 3, 0.5F});
        const std::vector<double> doubles{1, -2, 3, 0.5};
        if (variant > 0) {
            tensor.clear_raw_data();
        }
        if (variant > 1) {
            tensor.set_data_type(onnx::TensorProto::DOUBLE);
        }
        for (const auto d : doubles) {
            if (variant == 1) {
                tensor.add_float_data(static_cast<float>(d));
            } else if (variant == 2) {
                tensor.add_double_data(d);
            }
        }
        if (variant == 3) {
            tensor.set_raw_data(doubles.data(), sizeof(double) * doubles.size());
        }
        return model.read().layers[0].weights;
    };
    for (int variant = 0; variant < 4; ++variant) {
        CHECK(read(variant) == std::vector<double>{1, 3, -2, 0.5});
    }
}

TEST_CASE("nodes without a name and with the same name get distinct layer names") {
    ModelWriter model;
    model.conv("c", {2, 2, 1, 1}).clear_name();
    model.conv("d", {2, 2, 1, 1}).set_name("same");
    model.conv("e", {2, 2, 1, 1}).set_name("same");
    const auto net = model.read().network;
    CHECK(net.layers[0].name == "Conv1");
    CHECK(net.layers[1].name == "same");
    CHECK(net.layers[2].name == "same_2");
}

TEST_CASE("nodes may share their weights, within limits") {
    const auto chain = [](int nodes) {
        ModelWriter model({1, 128, 1, 1});
        model.tensor("shared", {128, 128, 1, 1});
        for (int i = 0; i < nodes; ++i) {
            model.add("Conv", "c" + std::to_string(i)).add_input("shared");
        }
        return model;
    };
    CHECK(chain(100).read().layers.size() == 100);
    CHECK_THAT(chain(400).error(), Contains("(Conv): shares initializers with too many nodes"));
}

TEST_CASE("the batch dimension may be symbolic") {
    ModelWriter model;
    model.conv("c", {2, 2, 1, 1});
    model.graph()
        .mutable_input(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(0)
        ->set_dim_param("N");
    CHECK_NOTHROW(model.read());
}

TEST_CASE("unsupported attributes are refused with node and operator") {
    const auto conv_error = [](auto change) {
        ModelWriter model;
        change(model.conv("bad", {2, 2, 3, 3}, {1, 1, 1, 1}));
        const auto message = model.error();
        CHECK_THAT(message, Catch::StartsWith("node 'bad' (Conv): "));
        return message;
    };
    using W = ModelWriter;
    CHECK_THAT(conv_error([](auto& n) { W::integer(n, "group", 5); }),
               Contains("group is 5, expected a common"));
    CHECK_THAT(conv_error([](auto& n) { W::integer(n, "group", 0); }), Contains("group is 0"));
    CHECK_THAT(conv_error([](auto& n) { W::ints(n, "dilations", {0, 1}); }), Contains("dilations"));
    CHECK_THAT(conv_error([](auto& n) { W::text(n, "auto_pad", "SAME"); }), Contains("auto_pad 'SAME'"));
    CHECK_THAT(conv_error([](auto& n) { W::text(n, "auto_pad", "VALID"); }),
               Contains("both pads and auto_pad"));
    CHECK_THAT(conv_error([](auto& n) { W::integer(n, "strides", 2); }), Contains("wrong type"));
    CHECK_THAT(conv_error([](auto& n) { W::ints(n, "strides", {2}); }), Contains("has 1 values, expected 2"));
    CHECK_THAT(conv_error([](auto& n) {
                   W::ints(n, "strides", {0, 1});
               }),
               Contains("contains 0, expected 1 to"));
    CHECK_THAT(conv_error([](auto& n) {
                   W::ints(n, "strides", {1, std::int64_t{1} << 40});
               }),
               Contains("strides"));
    CHECK_THAT(conv_error([](auto& n) {
                   W::ints(n, "kernel_shape", {3, 5});
               }),
               Contains("kernel_shape contradicts"));
    CHECK_THAT(conv_error([](auto& n) {
                   W::ints(n, "pads", {1, 1, 1, 1});
               }),
               Contains("'pads' occurs twice"));
    CHECK_THAT(conv_error([](auto& n) { n.mutable_attribute(0)->set_ints(2, -1); }), Contains("contains -1"));
    CHECK_THAT(conv_error([](auto& n) { W::real(n, "dropout", 1); }),
               Contains("attribute 'dropout' is not supported; supported: kernel_shape, strides"));
    CHECK_THAT(conv_error([](auto& n) { n.add_output("second"); }), Contains("more than one output"));

    const auto pool_error = [](const char* op, const Ints& pads, auto change) {
        ModelWriter model;
        auto& pool = model.add(op, "p");
        W::ints(pool, "kernel_shape", {2, 2});
        W::ints(pool, "pads", pads);
        change(pool);
        return model.error();
    };
    const Ints none{0, 0, 0, 0}, some{0, 0, 1, 1};
    CHECK_THAT(pool_error("MaxPool", none,
                          [](auto& n) {
                              W::ints(n, "dilations", {2, 2});
                          }),
               Contains("node 'p' (MaxPool): dilations"));
    CHECK_THAT(pool_error("MaxPool", none, [](auto& n) { W::integer(n, "count_include_pad", 0); }),
               Contains("not supported"));
    CHECK_THAT(pool_error("MaxPool", none, [](auto& n) { W::integer(n, "storage_order", 1); }),
               Contains("storage_order"));
    CHECK_THAT(pool_error("MaxPool", {2, 0, 0, 0}, [](auto&) {}),
               Contains("padding is as large as the window"));
    CHECK_THAT(pool_error("AveragePool", none, [](auto& n) { n.clear_attribute(); }),
               Contains("'kernel_shape' is missing"));
    CHECK(pool_error("AveragePool", some, [](auto&) {}) == "no error");
}

TEST_CASE("unsupported operators and contradictory graphs") {
    {
        ModelWriter model;
        model.add("Softmax", "s");
        CHECK_THAT(model.error(),
                   Contains("node 's' (Softmax): operator is not supported; supported: Conv, Batch"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        model.conv("b", {2, 2, 1, 1}).set_input(0, "input");
        CHECK_THAT(model.error(), Contains("node 'a' (Conv): nobody reads its output 'a.out'"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1}).set_input(0, "b.out");
        model.conv("b", {2, 2, 1, 1});
        CHECK_THAT(model.error(),
                   Contains("node 'a' (Conv): reads 'b.out', which is neither the graph's input "
                            "nor the output of a node before"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1}).set_input(0, "a.0");
        CHECK_THAT(model.error(), Contains("reads 'a.0', which is a constant"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1}).set_input(1, "input");
        CHECK_THAT(model.error(), Contains("the value is computed, expected a constant"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1}).set_output(0, "input");
        CHECK_THAT(model.error(), Contains("output has no usable name"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1}).set_domain("com.vendor");
        CHECK_THAT(model.error(), Contains("domain 'com.vendor'"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        ModelWriter::set_shape(*model.graph().add_input(), "second", {1});
        CHECK_THAT(model.error(), Contains("several inputs"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        ModelWriter::set_shape(*model.graph().add_input(), "a.0",
                               {2, 2, 1, 1}); // an initializer: as IR version 3 did
        CHECK(model.error() == "no error");
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        model.graph().add_output()->set_name("input");
        CHECK_THAT(model.error(), Contains("nobody reads its output 'a.out'"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        ModelWriter::set_shape(*model.graph().add_output(), "a.out", {1, 3, 5, 5});
        CHECK_THAT(model.error(), Contains("another shape than [2, 5, 5]"));
    }
    {
        ModelWriter model;
        model.conv("a", {2, 2, 1, 1});
        model.model.mutable_opset_import(0)->set_version(6);
        CHECK_THAT(model.error(), Contains("operator set 6, supported from 7"));
    }
    ModelWriter empty;
    CHECK_THAT(empty.error(), Contains("no nodes"));
    ModelWriter only_flatten;
    only_flatten.add("Flatten", "f");
    CHECK_THAT(only_flatten.error(), Contains("no layers"));
    CHECK_THAT(ModelWriter({1, 2, 5}).error(), Contains("has 3 dimensions"));
    CHECK_THAT(ModelWriter({1, 2, 0, 5}).error(), Contains("dimension 2 of input 'input' is 0"));
    CHECK_THAT(ModelWriter({1, -2, 5, 5}).error(), Contains("dimension 1 of input 'input' is -2"));
    CHECK_THAT(ModelWriter({1, 1 << 20, 1 << 20, 1 << 20}).error(), Contains("too large"));
}

TEST_CASE("normalisation, Flatten and Gemm where they can't be") {
    const auto add_norm = [](ModelWriter& model, std::int64_t channels) {
        model.add("BatchNormalization", "n", 4);
        for (const char* p : {"n.0", "n.1", "n.2", "n.3"}) {
            model.tensor(p, {channels}, std::vector<float>(static_cast<std::size_t>(channels), 0.5F));
        }
    };
    {
        ModelWriter model;
        model.add("Flatten", "f");
        add_norm(model, 2);
        CHECK_THAT(model.error(), Contains("node 'n' (BatchNormalization): normalises single elements"));
    }
    {
        ModelWriter model;
        model.conv("c", {4, 2, 1, 1});
        add_norm(model, 3);
        CHECK_THAT(model.error(), Contains("scale has shape [3], expected [4]"));
    }
    {
        ModelWriter model;
        model.conv("c", {1, 2, 1, 1});
        add_norm(model, 1);
        const float negative = -1;
        model.initializer(4).set_raw_data(&negative, sizeof negative);
        CHECK_THAT(model.error(), Contains("variance 0 plus epsilon is not positive"));
    }
    {
        ModelWriter model;
        model.add("Gemm", "g", 1);
        model.tensor("g.0", {50, 3});
        CHECK_THAT(model.error(), Contains("a Flatten is missing"));
    }
    {
        ModelWriter model;
        auto& flatten = model.add("Flatten", "f");
        ModelWriter::integer(flatten, "axis", 2);
        CHECK_THAT(model.error(), Contains("axis is 2"));
    }
    {
        ModelWriter model;
        model.add("Flatten", "f");
        model.conv("c", {1, 2, 1, 1});
        CHECK_THAT(model.error(), Contains("its input is flattened"));
    }
    const auto gemm_error = [](const Ints& weights, const Ints& bias, auto change) {
        ModelWriter model({1, 6});
        auto& gemm = model.add("Gemm", "g", 2);
        model.tensor("g.0", weights);
        model.tensor("g.1", bias);
        change(gemm);
        return model.error();
    };
    CHECK(gemm_error({6, 3}, {3}, [](auto&) {}) == "no error");
    CHECK(gemm_error({6, 3}, {1, 3}, [](auto&) {}) == "no error");
    CHECK_THAT(gemm_error({7, 3}, {3}, [](auto&) {}),
               Contains("weights have shape [7, 3], expected [6, outputs]"));
    CHECK_THAT(gemm_error({6, 3}, {4}, [](auto&) {}), Contains("bias has shape [4], expected [3]"));
    CHECK_THAT(gemm_error({6, 3}, {3, 1}, [](auto&) {}), Contains("bias has shape [3, 1]"));
    CHECK_THAT(gemm_error({6, 3}, {3}, [](auto& n) { ModelWriter::integer(n, "transA", 1); }),
               Contains("transA=1"));
    CHECK_THAT(
        gemm_error({6, 3}, {3},
                   [](auto& n) { ModelWriter::real(n, "alpha", std::numeric_limits<float>::infinity()); }),
        Contains("'alpha' is not finite"));
}

TEST_CASE("broken initializers") {
    const auto error = [](auto change) {
        ModelWriter model;
        model.conv("c", {2, 2, 3, 3});
        change(model);
        return model.error();
    };
    CHECK(error([](auto&) {}) == "no error");
    CHECK_THAT(error([](auto& m) { m.graph().clear_initializer(); }),
               Contains("node 'c' (Conv): initializer 'c.0' (weights) is missing"));
    CHECK_THAT(error([](auto& m) { m.node(0).mutable_input()->RemoveLast(); }),
               Contains("input 1 (weights) is missing"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).set_dims(0, 3); }),
               Contains("has 144 bytes of data, expected 216"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).set_dims(0, -2); }),
               Contains("impossible shape [-2, 2, 3, 3]"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).set_dims(0, std::int64_t{1} << 62); }),
               Contains("impossible shape"));
    CHECK_THAT(error([](auto& m) {
                   for (int i = 0; i < 4; ++i) {
                       m.initializer(0).set_dims(i, std::int64_t{1} << 16); // 2^64 elements
                   }
               }),
               Contains("impossible shape"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).clear_raw_data(); }),
               Contains("has 0 values, expected 36"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).add_float_data(1); }), Contains("initializer 'c.0'"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).set_data_type(onnx::TensorProto::FLOAT16); }),
               Contains("element type 10"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).set_data_location(onnx::TensorProto::EXTERNAL); }),
               Contains("in another file"));
    CHECK_THAT(error([](auto& m) { m.initializer(0).add_external_data()->set_key("location"); }),
               Contains("in another file"));
    CHECK_THAT(error([](auto& m) { *m.graph().add_initializer() = m.initializer(0); }),
               Contains("occurs twice"));
    CHECK_THAT(error([](auto& m) { m.graph().add_sparse_initializer(); }), Contains("sparse"));
    CHECK_THAT(error([](auto& m) {
                   m.initializer(0).mutable_dims()->RemoveLast();
                   m.initializer(0).set_dims(2, 9);
               }),
               Contains("weights have shape [2, 2, 9], expected 4 dimensions"));
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        CHECK_THAT(error([bad](auto& m) {
                       m.initializer(0).mutable_raw_data()->replace(
                           20, sizeof bad, reinterpret_cast<const char*>(&bad), sizeof bad);
                   }),
                   Contains("NaN or infinity"));
    }
    ModelWriter channels;
    channels.conv("c", {2, 3, 3, 3});
    CHECK_THAT(channels.error(), Contains("weights have shape [2, 3, 3, 3], but the input has 2 channels"));
    ModelWriter large;
    large.conv("c", {2, 2, 6, 3});
    CHECK_THAT(large.error(), Contains("6x3 window is larger than its 5x5 input"));
}

TEST_CASE("files that are no models") {
    CHECK_THROWS_WITH(read_onnx("/nonexistent.onnx"), "/nonexistent.onnx: can't open the file");
    CHECK_THROWS_AS(read_onnx("/tmp"), core::InputError);
    CHECK_THAT(ModelWriter::error_of(""), Contains("no graph"));
    CHECK_THAT(ModelWriter::error_of("not a model at all, just some text\n"), Contains("not an ONNX model"));
    CHECK_THAT(ModelWriter::error_of(std::string(1000, '\xff')), Contains("not an ONNX model"));
}

TEST_CASE("no prefix and no flipped byte of a model crashes the reader") {
    ModelWriter model({1, 1, 6, 6});
    model.conv("c", {2, 1, 3, 3}, {1, 1, 1, 1});
    model.add("BatchNormalization", "n", 4);
    for (const char* p : {"n.0", "n.1", "n.2", "n.3"}) {
        model.tensor(p, {2}, {0.5F, 0.25F});
    }
    model.add("Relu", "r");
    auto& pool = model.add("MaxPool", "p");
    ModelWriter::ints(pool, "kernel_shape", {2, 2});
    ModelWriter::ints(pool, "strides", {2, 2});
    model.add("Flatten", "f");
    model.add("Gemm", "g", 1);
    model.tensor("g.0", {18, 3});
    const auto bytes = model.bytes();
    CHECK(ModelWriter::error_of(bytes) == "no error");
    std::size_t refused = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        refused += ModelWriter::error_of(bytes.substr(0, size)) != "no error" ? 1 : 0;
    }
    CHECK(refused == bytes.size());
    naive::Dice dice(1);
    for (int trial = 0; trial < 3000; ++trial) {
        auto damaged = bytes;
        for (int i = 0; i < 3; ++i) {
            damaged[static_cast<std::size_t>(dice(0, static_cast<std::int64_t>(bytes.size()) - 1))] =
                static_cast<char>(dice(0, 255));
        }
        ModelWriter::error_of(damaged); // an InputError or a network; anything else fails the test
    }
}
