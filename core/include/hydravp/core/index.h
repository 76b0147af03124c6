// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hydravp::core {

/// An index that can't be mistaken for another kind of index: a bank is not passed for a rank.
template <class Tag>
class Index {
public:
    constexpr Index() = default;
    constexpr explicit Index(std::size_t value) : value_(static_cast<std::uint32_t>(value)) {}
    constexpr std::uint32_t value() const { return value_; }
    friend constexpr bool operator==(Index a, Index b) { return a.value_ == b.value_; }
    friend constexpr bool operator!=(Index a, Index b) { return a.value_ != b.value_; }
    friend constexpr bool operator<(Index a, Index b) { return a.value_ < b.value_; }

private:
    std::uint32_t value_ = 0;
};

using Rank = Index<struct RankTag>;
using Chip = Index<struct ChipTag>; ///< chip within its rank
using Bank = Index<struct BankTag>;
using Row = Index<struct RowTag>;
using Unit = Index<struct UnitTag>; ///< near-memory unit, rank * chips_per_rank + chip

/// A vector that only accepts its own kind of index.
template <class I, class T>
class IndexedVector : public std::vector<T> {
public:
    using std::vector<T>::vector;
    T& operator[](I i) { return std::vector<T>::operator[](i.value()); }
    const T& operator[](I i) const { return std::vector<T>::operator[](i.value()); }
};

/// Index of a layer of the running network; events that belong to no layer carry `no_layer`.
using LayerId = std::uint16_t;
constexpr LayerId no_layer = 0xFFFF;

} // namespace hydravp::core
