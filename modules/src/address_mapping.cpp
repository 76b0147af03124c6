// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/address_mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

namespace hydravp::modules {

namespace {

constexpr unsigned all_that_is_left = ~0U; // number of bits

constexpr std::array<const char*, 6> field_names = {"row", "rank", "bankgroup", "bank", "column", "offset"};

unsigned bits_of(std::uint64_t n, const char* what) {
    if (n == 0 || (n & (n - 1)) != 0) {
        throw std::invalid_argument(fmt::format("address mapping: {} {}, expected a power of two", n, what));
    }
    return static_cast<unsigned>(__builtin_ctzll(n));
}

[[noreturn]] void fail(const std::string& text, const std::string& why) {
    throw std::invalid_argument(fmt::format("address mapping '{}': {}", text, why));
}

} // namespace

AddressMapping::AddressMapping(const memory::Geometry& g, const std::string& fields)
    : geometry_(g), text_(fields) {
    const unsigned burst_bits =
        bits_of(std::uint64_t{g.burst_bytes()} * g.chips_per_rank, "bytes in a burst");
    const unsigned row_bits = bits_of(std::uint64_t{g.row_bytes} * g.chips_per_rank, "bytes in a row");
    if (g.bank_groups == 0 || g.banks % g.bank_groups != 0 || row_bits < burst_bits) {
        throw std::invalid_argument("address mapping: needs whole bank groups, and rows of whole bursts");
    }
    banks_per_group_bits_ = bits_of(g.banks_per_group(), "banks in a group");
    offset_bits_ = burst_bits;
    std::array<unsigned, fields_> bits{};
    bits[row] = bits_of(g.rows, "rows");
    bits[rank] = bits_of(g.ranks, "ranks");
    bits[group] = bits_of(g.bank_groups, "bank groups");
    bits[bank] = bits_of(g.banks, "banks");
    bits[column] = row_bits - burst_bits;
    bits[offset] = burst_bits;
    const unsigned address_bits = bits[row] + bits[rank] + bits[bank] + row_bits;
    if (address_bits > 63) {
        throw std::invalid_argument(
            fmt::format("address mapping: a channel of 2^{} bytes, expected at most 2^63", address_bits));
    }
    if (text_.empty()) {
        text_ = fmt::format("row{} rank{} bank{} column{} offset{}", bits[row], bits[rank], bits[bank],
                            bits[column], bits[offset]);
    }
    pieces_ = parse(text_);
    const bool has_group =
        std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.field == group; });
    if (has_group) {
        bits[bank] = banks_per_group_bits_;
    }
    complete(bits);
    check(bits, has_group);
    unsigned contiguous = 0;
    for (auto piece = pieces_.rbegin();
         piece != pieces_.rend() && (piece->field == offset || piece->field == column); ++piece) {
        contiguous += piece->width;
    }
    stretch_ = std::uint64_t{1} << contiguous;
    pieces_.erase(
        std::remove_if(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.width == 0; }),
        pieces_.end());
    for (const Piece& piece : pieces_) {
        all_whole_ = all_whole_ && !piece.with_row && whole_[piece.field].mask == 0;
        whole_[piece.field] = {piece.from, (std::uint64_t{1} << piece.width) - 1};
    }
    std::stable_partition(pieces_.begin(), pieces_.end(),
                          [](const Piece& piece) { return piece.field == row; });
}

/// The pieces in the order of the text.
std::vector<AddressMapping::Piece> AddressMapping::parse(const std::string& text) const {
    std::vector<Piece> pieces;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        Piece piece{};
        const std::string whole = word;
        const std::size_t combined = word.find("^row");
        if (combined != std::string::npos && combined + 4 == word.size()) {
            piece.with_row = true;
            word.resize(combined);
        }
        const auto digits =
            std::find_if(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
        const std::string name(word.begin(), digits);
        const std::string number(digits, word.end());
        const auto* const field = std::find(field_names.begin(), field_names.end(), name);
        const bool is_number =
            number.size() <= 2 &&
            std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
        if (field == field_names.end() || !is_number) {
            fail(text,
                 fmt::format("found '{}', expected row, rank, bankgroup, bank, column or offset, with or "
                             "without a number of bits, as in 'bank3'",
                             whole));
        }
        piece.field = static_cast<Field>(field - field_names.begin());
        piece.width = number.empty() ? all_that_is_left : static_cast<unsigned>(std::stoul(number));
        if (piece.with_row && piece.field != rank && piece.field != group && piece.field != bank) {
            fail(text,
                 fmt::format("'{}': only rank, bankgroup and bank can be combined with the row", whole));
        }
        pieces.push_back(piece);
    }
    return pieces;
}

/// Finds the widths that are not given, and the places of the pieces in the address and in their fields.
void AddressMapping::complete(const std::array<unsigned, fields_>& expected) {
    std::array<unsigned, fields_> given{};
    for (const Piece& piece : pieces_) {
        given[piece.field] += piece.width == all_that_is_left ? 0 : piece.width;
    }
    std::array<unsigned, fields_> seen{};
    unsigned from = 0;
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) {
        const std::size_t field = piece->field;
        if (piece->width == all_that_is_left) {
            piece->width = expected[field] - std::min(expected[field], given[field]);
            given[field] = expected[field]; // nothing for another piece without a number
        }
        piece->from = from;
        piece->to = seen[field];
        from += piece->width;
        seen[field] += piece->width;
    }
}

void AddressMapping::check(const std::array<unsigned, fields_>& expected, bool has_group) const {
    std::array<unsigned, fields_> found{};
    for (const Piece& piece : pieces_) {
        found[piece.field] += piece.width;
        if (piece.field == offset && (piece.from != 0 || piece.width != expected[offset])) {
            fail(text_, fmt::format("expected offset{} as the last field", expected[offset]));
        }
    }
    for (std::size_t field = 0; field < fields_; ++field) {
        if ((field != group || has_group) && found[field] != expected[field]) {
            fail(text_, fmt::format("found {} bits of {}, expected {} as in the memory's geometry",
                                    found[field], field_names[field], expected[field]));
        }
    }
}

AddressMapping::Place AddressMapping::place(std::uint64_t address) const {
    std::array<std::uint64_t, fields_> value{};
    if (all_whole_) {
        for (std::size_t field = 0; field < fields_; ++field) {
            value[field] = address >> whole_[field].from & whole_[field].mask;
        }
        return place_of(value);
    }
    for (const Piece& piece : pieces_) {
        std::uint64_t bits = address >> piece.from;
        if (piece.with_row) {
            bits ^= value[row] >> piece.to;
        }
        value[piece.field] |= (bits & ((std::uint64_t{1} << piece.width) - 1)) << piece.to;
    }
    return place_of(value);
}

std::uint64_t AddressMapping::address(const Place& place) const {
    const bool groups =
        std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.field == group; });
    const unsigned bank_bits = groups ? banks_per_group_bits_ : 32;
    std::array<std::uint64_t, fields_> value{};
    value[row] = place.row.value();
    value[rank] = place.rank.value();
    value[group] = std::uint64_t{place.bank.value()} >> bank_bits;
    value[bank] = place.bank.value() & ((std::uint64_t{1} << bank_bits) - 1);
    value[column] = place.row_byte >> offset_bits_;
    value[offset] = place.row_byte & ((std::uint64_t{1} << offset_bits_) - 1);
    std::uint64_t address = 0;
    for (const Piece& piece : pieces_) {
        const std::uint64_t bits = (value[piece.field] ^ (piece.with_row ? value[row] : 0)) >> piece.to;
        address |= (bits & ((std::uint64_t{1} << piece.width) - 1)) << piece.from;
    }
    return address;
}

/// Every bit of a place is an exclusive or of bits of the address, so that single bits tell.
bool AddressMapping::is_default() const {
    const AddressMapping plain(geometry_);
    for (std::uint64_t address = 1; address < geometry_.channel_bytes(); address *= 2) {
        const Place a = place(address);
        const Place b = plain.place(address);
        if (a.rank != b.rank || a.bank != b.bank || a.row != b.row || a.row_byte != b.row_byte) {
            return false;
        }
    }
    return true;
}

AddressMapping::Place AddressMapping::place_of(const std::array<std::uint64_t, fields_>& value) const {
    Place place;
    place.rank = core::Rank{static_cast<std::size_t>(value[rank])};
    place.bank = core::Bank{static_cast<std::size_t>(value[group] << banks_per_group_bits_ | value[bank])};
    place.row = core::Row{static_cast<std::size_t>(value[row])};
    place.row_byte = value[column] << offset_bits_ | value[offset];
    return place;
}

} // namespace hydravp::modules
