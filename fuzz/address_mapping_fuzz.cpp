// SPDX-License-Identifier: Apache-2.0
// The list of fields of an address mapping, for three geometries.
#include "hydravp/modules/address_mapping.h"

#include "target.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <stdexcept>

namespace {

using namespace hydravp;

std::array<memory::Geometry, 3> geometries() {
    memory::Geometry grouped;
    grouped.ranks = 2;
    grouped.bank_groups = 4;
    memory::Geometry huge; // more bits than an address has
    huge.ranks = huge.rows = huge.banks = 1U << 31;
    return {memory::Geometry{}, grouped, huge};
}

void check_places(const memory::Geometry& g, const modules::AddressMapping& mapping) {
    const modules::AddressMapping again(g, mapping.fields());
    fuzz::require(again.stretch() == mapping.stretch(), "the fields written out give the same mapping");
    const std::uint64_t capacity = g.channel_bytes();
    for (const std::uint64_t part : {0ULL, 1ULL, 0x5555'5555'5555'5555ULL, 0xAAAA'AAAA'AAAA'AAAAULL, ~0ULL}) {
        const std::uint64_t address = part % capacity;
        const auto place = mapping.place(address);
        fuzz::require(place.rank.value() < g.ranks && place.bank.value() < g.banks &&
                          place.row.value() < g.rows &&
                          place.row_byte < std::uint64_t{g.row_bytes} * g.chips_per_rank,
                      "a place lies in the memory");
        const std::uint64_t begin = address / mapping.stretch() * mapping.stretch();
        const auto first = mapping.place(begin);
        const auto last = mapping.place(begin + mapping.stretch() - 1);
        fuzz::require(first.row == last.row && first.bank == last.bank && first.rank == last.rank,
                      "a stretch lies in one row");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string fields = fuzz::text_of(data, size);
    const auto shapes = geometries();
    fuzz::refused = std::count_if(shapes.begin(), shapes.end(), [&](const memory::Geometry& g) {
                        return fuzz::accepts<std::invalid_argument>(
                            [&] { check_places(g, modules::AddressMapping(g, fields)); });
                    }) == 0;
    return 0;
}
