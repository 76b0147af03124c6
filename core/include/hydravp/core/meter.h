// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/index.h"
#include "hydravp/core/units.h"

#include <systemc>

#include <cstddef>
#include <string>
#include <vector>

namespace hydravp::core {

/// What an account of a `Meter` counts; it fixes the unit of its values.
enum class Quantity {
    energy, ///< pJ
    bytes,  ///< bytes on a data bus
    words,  ///< 16-bit words
    busy,   ///< ps during which the instance was occupied
    count   ///< events, operations
};

/// The accounts of one module instance: energy, traffic, writes and busy time, each split by layer.
///
/// A meter is an sc_object below its module; `collect_meters()` finds all of them by walking the hierarchy,
/// so that a module's figures appear in the results without anybody listing it. An account is addressed by
/// the handle that `add()` returned: charging neither allocates (after the first event of a layer) nor looks
/// up.
class Meter : public sc_core::sc_object {
public:
    using Account = std::size_t;
    struct AccountData {
        Quantity quantity;
        std::string name;        ///< the same name in several instances is one line of the results
        double unattributed = 0; ///< what belongs to no layer
        std::vector<double> by_layer;
    };

    explicit Meter(const char* name = "meter") : sc_core::sc_object(name) {}
    const char* kind() const override { return "hydravp_meter"; }

    Account add(Quantity quantity, std::string name);
    void charge(Account account, LayerId layer, double amount) {
        AccountData& data = accounts_[account];
        if (layer == no_layer) {
            data.unattributed += amount;
            return;
        }
        if (layer >= data.by_layer.size()) {
            data.by_layer.resize(std::size_t{layer} + 1, 0.0);
        }
        data.by_layer[layer] += amount;
    }
    void charge(Account account, LayerId layer, Energy energy) { charge(account, layer, energy.pj); }
    void charge(Account account, LayerId layer, Picoseconds busy) {
        charge(account, layer, static_cast<double>(busy.count()));
    }

    const std::vector<AccountData>& accounts() const { return accounts_; }
    /// Sum over all layers and the unattributed rest of one account.
    double total(Account account) const;
    /// Sum over the accounts of that name; 0 if there is none.
    double total(const std::string& name) const;

private:
    std::vector<AccountData> accounts_;
};

/// Every meter of the present simulation, in hierarchical order.
std::vector<const Meter*> collect_meters();
/// Those below one module.
std::vector<const Meter*> collect_meters(const sc_core::sc_object& root);

/// A module that draws power without doing anything; the run loop charges it for every stretch of time.
class BackgroundConsumer {
public:
    virtual ~BackgroundConsumer() = default;
    /// Charges standby energy for `duration` to `layer`.
    virtual void charge_background(Picoseconds duration, LayerId layer) = 0;
};

/// Every background consumer of the present simulation, in hierarchical order.
std::vector<BackgroundConsumer*> collect_background_consumers();

} // namespace hydravp::core
