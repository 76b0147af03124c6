// SPDX-License-Identifier: Apache-2.0
// ONNX models.
#include "hydravp/core/error.h"
#include "hydravp/workloads/onnx_reader.h"

#include "target.h"

#include <cmath>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hydravp;
    const fuzz::InputFile file(data, size);
    fuzz::refused = !fuzz::accepts<core::InputError>([&] {
        const workloads::FloatNetwork net = workloads::read_onnx(file.path());
        net.network.validate();
        fuzz::require(net.layers.size() == net.network.layers.size(), "every layer has its values");
        for (std::size_t i = 0; i < net.layers.size(); ++i) {
            const core::LayerDescriptor& layer = net.network.layers[i];
            const workloads::FloatLayer& values = net.layers[i];
            fuzz::require(values.weights.size() == layer.weights(), "there are as many weights as taps");
            fuzz::require(values.bias.size() == (layer.has_weights() ? layer.out.channels : 0),
                          "there is one bias per output channel");
            for (const double weight : values.weights) {
                fuzz::require(std::isfinite(weight), "weights are finite");
            }
        }
    });
    return 0;
}
