// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/memory/technology.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hydravp::modules {

/// Which bits of a channel's address name the rank, the bank, the row and the byte in the row.
///
/// Written as a list of fields from the most significant bit down, each with its number of bits:
/// "row16 rank1 bank3 column7 offset6". The fields are row, rank, bankgroup, bank, column (a burst of the
/// rank) and offset (a byte of the burst, always last). A field may be cut into several pieces; without
/// bankgroup the bits of bank name groups as well. A field without a number has the bits that its other
/// pieces leave: "row rank bank column bankgroup offset" fits every geometry. A field of no bits may be left
/// out. "bank3^row" combines the piece by exclusive or with the lowest bits of the row, so that rows which
/// are a power of two apart lie in different banks; bankgroup and rank can have it too.
class AddressMapping {
public:
    struct Place {
        core::Rank rank;
        core::Bank bank;
        core::Row row;
        std::uint64_t row_byte = 0; ///< within the rank's row, all chips together
    };

    /// @param fields empty: row, rank, bank, column, offset, so that neighbouring rows lie in different banks
    /// Throws std::invalid_argument if the numbers of the geometry are no powers of two or make more than
    /// 2^63 bytes, or the bits of the fields are not those of the geometry.
    explicit AddressMapping(const memory::Geometry& geometry, const std::string& fields = "");

    /// @param address less than the channel's capacity
    Place place(std::uint64_t address) const;
    /// The address of a place; `place` backwards.
    std::uint64_t address(const Place& place) const;
    /// Consecutive bytes, aligned to their number, that lie in one row.
    std::uint64_t stretch() const { return stretch_; }
    /// It places every address as the mapping without a list does.
    bool is_default() const;
    /// The list of fields, each with its bits.
    const std::string& fields() const { return text_; }

private:
    enum Field : std::size_t { row, rank, group, bank, column, offset, fields_ };
    struct Piece {
        Field field;
        unsigned from; ///< lowest bit in the address
        unsigned to;   ///< and in the field
        unsigned width;
        bool with_row;
    };
    std::vector<Piece> parse(const std::string& text) const;
    void complete(const std::array<unsigned, fields_>& expected);
    void check(const std::array<unsigned, fields_>& expected, bool has_group) const;

    Place place_of(const std::array<std::uint64_t, fields_>& value) const;

    memory::Geometry geometry_;
    std::string text_;
    std::vector<Piece> pieces_; ///< row first: the others may need it
    struct Whole {
        unsigned from = 0;
        std::uint64_t mask = 0;
    };
    std::array<Whole, fields_> whole_; ///< of fields in one piece
    bool all_whole_ = true;            ///< and none is combined with the row
    unsigned banks_per_group_bits_ = 0;
    unsigned offset_bits_ = 0;
    std::uint64_t stretch_ = 1;
};

} // namespace hydravp::modules
