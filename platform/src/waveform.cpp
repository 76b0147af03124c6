// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/waveform.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/core/time.h"
#include "hydravp/platform/nearest_name.h"

#include <fmt/format.h>

#include <set>

namespace hydravp::platform {

namespace {

constexpr double mj_per_pj = 1e-9;

/// Every signal, and the pattern for everything below each module.
std::vector<std::string> possible_patterns(const std::vector<std::string>& signals) {
    std::vector<std::string> result;
    std::set<std::string> modules;
    for (const std::string& signal : signals) {
        for (std::size_t dot = signal.find('.'); dot != std::string::npos; dot = signal.find('.', dot + 1)) {
            if (modules.insert(signal.substr(0, dot)).second) {
                result.push_back(signal.substr(0, dot) + ".*");
            }
        }
        result.push_back(signal);
    }
    return result;
}

} // namespace

Waveform::Waveform(const TraceOptions& options)
    : writer_(options.file, {options.from, options.to}, [] { return core::now(); }),
      tracer_(writer_, options.patterns) {}

void Waveform::connect(const sc_core::sc_object& top) {
    for (core::Traceable* module : core::collect_traceables()) {
        module->trace(tracer_);
    }
    meters_ = core::collect_meters();
    std::set<std::string> accounts;
    for (const core::Meter* meter : meters_) {
        for (const core::Meter::AccountData& account : meter->accounts()) {
            if (account.quantity == core::Quantity::energy) {
                accounts.insert(account.name);
            }
        }
    }
    for (const std::string& account : accounts) {
        const core::TraceReal signal = tracer_.real(top, "energy_mj." + account);
        if (signal) {
            energy_[account] = signal;
        }
    }
    check_patterns();
}

void Waveform::check_patterns() const {
    for (const std::string& pattern : tracer_.unmatched()) {
        constexpr std::size_t shown = 3;
        std::string near;
        for (const std::string& name : nearest_names(pattern, possible_patterns(tracer_.names()), shown)) {
            near += (near.empty() ? "" : ", ") + name;
        }
        throw core::InputError(
            fmt::format("--trace: found {}, which matches no signal; the nearest names are {}",
                        core::in_quotes(pattern), near));
    }
}

void Waveform::sample_energy() {
    std::map<std::string, double> sums;
    for (const core::Meter* meter : meters_) {
        for (std::size_t i = 0; i < meter->accounts().size(); ++i) {
            const core::Meter::AccountData& account = meter->accounts()[i];
            if (account.quantity == core::Quantity::energy && energy_.count(account.name) != 0) {
                sums[account.name] += meter->total(i);
            }
        }
    }
    for (const auto& [account, signal] : energy_) {
        signal.set(sums[account] * mj_per_pj);
    }
}

void Waveform::finish() {
    writer_.finish(core::now());
}

} // namespace hydravp::platform
