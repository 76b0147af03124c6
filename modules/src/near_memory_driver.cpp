// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/near_memory_driver.h"

#include "hydravp/core/error.h"

#include <fmt/format.h>

#include <utility>

namespace hydravp::modules {

using core::AddressMap;
using core::ControllerMap;

NearMemoryDriver::NearMemoryDriver(Host& host, const core::AddressMap& map,
                                   const std::vector<core::LayerWork>& layers,
                                   std::vector<std::string> layer_names)
    : host_(host), map_(map), layers_(&layers), names_(std::move(layer_names)) {}

void NearMemoryDriver::set_unit_mask(std::uint64_t mask) {
    host_.debug_write(map_.registers_base + AddressMap::controller_registers + ControllerMap::unit_mask,
                      &mask, sizeof mask);
}

void NearMemoryDriver::write_block(std::uint64_t offset, const void* block, std::size_t bytes) {
    host_.write(map_.registers_base + offset, block, static_cast<std::uint32_t>(bytes));
}

void NearMemoryDriver::submit(std::size_t index) {
    const core::LayerWork& work = (*layers_)[index];
    host_.attribute_to(static_cast<core::LayerId>(work.controller.layer));
    write_block(AddressMap::broadcast_registers + core::UnitMap::register_block, &work.unit,
                sizeof work.unit);
    host_.write64(map_.registers_base + AddressMap::broadcast_registers + core::UnitMap::push, 1);
    write_block(AddressMap::controller_registers + ControllerMap::layer_block, &work.controller,
                sizeof work.controller);
    host_.write64(map_.registers_base + AddressMap::controller_registers + ControllerMap::push, 1);
}

void NearMemoryDriver::run_layer(std::size_t index) {
    const core::LayerWork& work = (*layers_)[index];
    host_.attribute_to(static_cast<core::LayerId>(work.controller.layer));
    if (index < shared_.size()) {
        for (const AddressRange& range : shared_[index].flush) {
            host_.flush(range.base, range.bytes);
        }
    }
    const std::uint64_t controller = map_.registers_base + AddressMap::controller_registers;
    host_.write64(controller + ControllerMap::go, 1);
    if (index + 1 < layers_->size()) {
        submit(index + 1);
        host_.attribute_to(static_cast<core::LayerId>(work.controller.layer));
    }
    if (!host_.wait_interrupt(host_.config().layer_timeout)) {
        throw core::SimulationError(fmt::format("layer '{}' (number {}) did not complete within {} ms of "
                                                "simulated time: no completion interrupt; a unit "
                                                "or a transfer is stuck",
                                                names_[index], index,
                                                core::to_ms(host_.config().layer_timeout)));
    }
    host_.write64(controller + ControllerMap::interrupt_clear, 1);
    host_.wait_interrupt_cleared();
    if (index < shared_.size()) {
        for (const AddressRange& range : shared_[index].invalidate) {
            host_.invalidate(range.base, range.bytes);
        }
    }
}

} // namespace hydravp::modules
