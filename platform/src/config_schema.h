// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/memory/datasheet_energy.h"
#include "hydravp/platform/config.h"

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::platform {

struct MramPlatformConfig;

/// One key of the configuration, bound to its field.
struct ConfigKey {
    std::string path;     ///< dotted, e.g. dram.timing.t_rcd
    std::string expected; ///< what its text must be, for error messages
    std::string meaning;
    bool required = true;
    std::string unless;    ///< a section that stands in for it: not required where that is
    std::string only_with; ///< a section: required only where that is
    /// Whether it has a meaning beside the others; empty: always. It may not stand where it has none.
    std::function<bool()> used;
    std::string used_where; ///< for error messages
    /// Converts the text into the field, or throws core::InputError "found X, expected Y".
    std::function<void(const std::string& text)> read;
    /// The field as text, "" if there is nothing to write; empty for `technology`, which is not kept.
    std::function<std::string()> write;

    ConfigKey& optional() {
        required = false;
        return *this;
    }
    ConfigKey& only_where(std::string where, std::function<bool()> holds) {
        used_where = std::move(where);
        used = std::move(holds);
        return *this;
    }
};

/// Every key of the configuration once, in its order in the file: the one place that names them, for reading,
/// checking, dumping and suggestions.
class ConfigSchema {
public:
    /// The keys refer to the fields of `config`, which must outlive the schema.
    explicit ConfigSchema(PlatformConfig& config);
    explicit ConfigSchema(MramPlatformConfig& config);

    const std::vector<ConfigKey>& keys() const { return keys_; }
    const ConfigKey* find(const std::string& path) const;
    /// The path of a key that may also stand in a section of its own (dram.geometry.rows: dram.rows); of all
    /// others the path itself.
    std::string canonical(const std::string& path) const;
    bool is_section(const std::string& path) const { return sections_.count(path) != 0; }
    /// Names of the keys and sections directly in a section; "" is the top level.
    std::vector<std::string> names_in(const std::string& section) const;

    /// Currents from which the energies of a memory derive.
    struct Currents {
        std::string memory; ///< section
        modules::MemoryConfig& config;
        memory::DatasheetCurrents values;
    };
    const std::deque<Currents>& currents() const { return currents_; }

private:
    friend class ConfigBinder;
    std::vector<ConfigKey> keys_;
    std::set<std::string> sections_;
    std::map<std::string, std::string> aliases_; ///< to the keys that they stand for
    std::deque<Currents> currents_;
};

} // namespace hydravp::platform
