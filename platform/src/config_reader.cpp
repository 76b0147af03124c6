// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/config_reader.h"

#include "hydravp/core/error.h"
#include "hydravp/core/quantity.h"
#include "hydravp/memory/technology_check.h"
#include "hydravp/platform/mram_config.h"
#include "hydravp/platform/nearest_name.h"

#include "config_consistency.h"
#include "config_schema.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <system_error>

namespace hydravp::platform {
namespace {

namespace fs = std::filesystem;
using core::in_quotes;
using core::InputError;

/// The text of one key and where it stands.
struct Entry {
    std::string text;
    std::string where;   ///< `file:line:column`, or the option that gave it
    fs::path folder;     ///< file names in the text are relative to it
    std::string written; ///< the key as it stands there
};

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Text of a regular, printable file of sensible size.
std::string read_text(const std::string& path) {
    constexpr std::uintmax_t largest = 1 << 20;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) {
        throw InputError(fmt::format("{}: no such file", path));
    }
    if (error) {
        throw InputError(fmt::format("{}: {}", path, error.message()));
    }
    if (fs::is_directory(status)) {
        throw InputError(fmt::format("{}: found a folder, expected a YAML file", path));
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw InputError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
    }
    std::string text(largest + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) {
        throw InputError(fmt::format("{}: cannot be read", path));
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > largest) {
        throw InputError(fmt::format("{}: found more than 1 MiB, expected a configuration", path));
    }
    const bool is_text = std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t';
    });
    if (!is_text) {
        throw InputError(fmt::format("{}: found binary data, expected a YAML file", path));
    }
    return text;
}

/// yaml-cpp 0.7 finds documents without end behind a root that begins with a comma, so they are counted here
/// and not all loaded.
bool has_more_than_one_document(const std::string& text) {
    struct Ignore : YAML::EventHandler {
        void OnDocumentStart(const YAML::Mark&) override {}
        void OnDocumentEnd() override {}
        void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
        void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
        void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
        void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                             YAML::EmitterStyle::value) override {}
        void OnSequenceEnd() override {}
        void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                        YAML::EmitterStyle::value) override {}
        void OnMapEnd() override {}
    } ignore;
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    return parser.HandleNextDocument(ignore) && parser.HandleNextDocument(ignore);
}

YAML::Node parse_yaml(const std::string& path) {
    const std::string text = read_text(path);
    YAML::Node root;
    bool several = false;
    try {
        root = YAML::Load(text);
        several = !root.IsNull() && has_more_than_one_document(text);
    } catch (const YAML::Exception& e) {
        throw InputError(
            fmt::format("{}:{}:{}: not valid YAML: {}", path, e.mark.line + 1, e.mark.column + 1, e.msg));
    }
    if (root.IsNull()) {
        throw InputError(fmt::format("{}: found nothing, expected a configuration", path));
    }
    if (several) {
        throw InputError(fmt::format("{}: found more than one document, expected one", path));
    }
    if (!root.IsMap()) {
        throw InputError(fmt::format("{}:1:1: found {}, expected keys with values", path,
                                     root.IsScalar() ? in_quotes(root.Scalar()) : "a list"));
    }
    return root;
}

std::string kind_of(const YAML::Node& node) {
    switch (node.Type()) {
    case YAML::NodeType::Scalar:
        return in_quotes(node.Scalar());
    case YAML::NodeType::Map:
        return "keys below it";
    case YAML::NodeType::Sequence:
        return "a list";
    default:
        return "nothing";
    }
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

/// Is `path` the section or key `outer`, or below it?
bool is_within(const std::string& path, const std::string& outer) {
    return path.compare(0, outer.size(), outer) == 0 &&
           (path.size() == outer.size() || path[outer.size()] == '.');
}

class Reader {
public:
    using Check = std::function<void(const std::function<bool(const std::string&)>& is_valid,
                                     const ReportError& report)>;

    /// @param sections those that may name a technology file
    /// @param memory_alone a technology file that replaces the DRAM; empty: none
    /// @param check what no single key can tell
    Reader(ConfigSchema& schema, const std::string& path, const std::vector<std::string>& sections,
           const std::string& memory_alone, const std::vector<std::string>& overrides, const Check& check)
        : file_(path), alone_(!memory_alone.empty()), schema_(schema) {
        add_file(path, "");
        std::map<std::string, Entry> replaced;
        if (!memory_alone.empty()) {
            replaced = take_entries("dram");
            entries_["dram.technology"] = {memory_alone, memory_alone, fs::path{}, "dram.technology"};
            sections_["dram"] = memory_alone;
        }
        for (const std::string& override_text : overrides) {
            add_override(override_text);
        }
        for (const std::string& section : sections) {
            add_technology(section);
        }
        if (!memory_alone.empty()) {
            keep_shape(replaced);
        }
        read_keys();
        refuse_unused();
        check(
            [this](const std::string& key) { return is_valid(key); },
            [this](const std::string& key, const std::string& message) { report(where(key), key, message); });
        if (!errors_.empty()) {
            throw InputError(errors_.size() == 1 ? errors_.front()
                                                 : fmt::format("{} errors in the configuration\n{}",
                                                               errors_.size(), fmt::join(errors_, "\n")));
        }
    }

private:
    /// An error of `key`, at a place in a file or an option.
    void report(const std::string& place, const std::string& key, const std::string& message) {
        const auto entry = entries_.find(key);
        const std::string& written = entry == entries_.end() ? key : entry->second.written;
        errors_.push_back(fmt::format("{}: {}: {}", place, written, message));
        invalid_.insert(key);
    }

    bool is_valid(const std::string& key) const {
        return std::none_of(invalid_.begin(), invalid_.end(), [&key](const std::string& invalid) {
            return is_within(invalid, key) || is_within(key, invalid);
        });
    }

    bool is_given(const std::string& section) const {
        return sections_.count(section) != 0 ||
               std::any_of(entries_.begin(), entries_.end(),
                           [&section](const auto& entry) { return is_within(entry.first, section); });
    }

    /// The entries of a section, which are no longer there then.
    std::map<std::string, Entry> take_entries(const std::string& section) {
        std::map<std::string, Entry> taken;
        for (auto entry = entries_.begin(); entry != entries_.end();) {
            if (is_within(entry->first, section)) {
                taken.insert(*entry);
                entry = entries_.erase(entry);
            } else {
                ++entry;
            }
        }
        return taken;
    }

    /// The shape of the DRAM that a memory alone replaces, where its file has none.
    void keep_shape(const std::map<std::string, Entry>& replaced) {
        for (const std::string& name : schema_.names_in("dram.geometry")) {
            const auto entry = replaced.find("dram." + name);
            if (entry != replaced.end() && !is_given("dram.geometry")) {
                entries_.insert(*entry);
            }
        }
        const auto channels = replaced.find("dram.channels");
        if (channels != replaced.end()) {
            entries_.insert(*channels);
        }
    }

    /// Where a key stands; for one that stands nowhere, its innermost section, or the file.
    std::string where(std::string key) const {
        for (;;) {
            const auto entry = entries_.find(key);
            if (entry != entries_.end()) {
                return entry->second.where;
            }
            const auto section = sections_.find(key);
            if (section != sections_.end()) {
                return section->second;
            }
            const auto dot = key.rfind('.');
            if (dot == std::string::npos) {
                return file_;
            }
            key.resize(dot);
        }
    }

    /// Adds the keys of a file, with `prefix` before them; what is there already wins.
    void add_file(const std::string& path, const std::string& prefix) {
        const YAML::Node root = parse_yaml(path);
        std::map<std::string, Entry> found;
        add_section(root, prefix, path, found);
        entries_.insert(found.begin(), found.end());
    }

    void add_section(const YAML::Node& section, const std::string& prefix, const std::string& path,
                     std::map<std::string, Entry>& found) {
        std::map<std::string, int> first_lines;
        for (const auto& item : section) {
            const YAML::Mark mark = item.first.Mark();
            const std::string place = fmt::format("{}:{}:{}", path, mark.line + 1, mark.column + 1);
            if (!item.first.IsScalar()) {
                report(place, prefix + "?", fmt::format("found {}, expected a key", kind_of(item.first)));
                continue;
            }
            const std::string name = item.first.Scalar();
            const std::string key = prefix + name;
            const auto [first, is_first] = first_lines.emplace(name, mark.line + 1);
            if (!is_first) {
                report(
                    place, key,
                    fmt::format("found it twice, expected it once; the first is in line {}", first->second));
                continue;
            }
            add_item(key, item.second, place, path, found);
        }
    }

    void add_item(const std::string& key, const YAML::Node& value, const std::string& key_place,
                  const std::string& path, std::map<std::string, Entry>& found) {
        const YAML::Mark mark = value.Mark();
        const std::string place =
            mark.is_null() ? key_place : fmt::format("{}:{}:{}", path, mark.line + 1, mark.column + 1);
        const std::string canonical = schema_.canonical(key);
        if (const ConfigKey* known = schema_.find(canonical)) {
            const auto other = found.find(canonical);
            if (other != found.end()) {
                report(place, key,
                       fmt::format("found it also as {}, expected it once", other->second.written));
            } else if (value.IsScalar()) {
                found[canonical] = {trimmed(value.Scalar()), place, fs::path(path).parent_path(), key};
            } else {
                report(place, key, fmt::format("found {}, expected {}", kind_of(value), known->expected));
            }
        } else if (schema_.is_section(key)) {
            if (value.IsMap() || value.IsNull()) {
                sections_.emplace(key, key_place);
                add_section(value, key + '.', path, found);
            } else {
                report(place, key,
                       fmt::format("found {}, expected the keys {}", kind_of(value),
                                   joined(schema_.names_in(key))));
            }
        } else {
            errors_.push_back(fmt::format("{}: {}: unknown key{}", key_place, key, suggestion(key)));
        }
    }

    /// The nearest name in the same section, or the same name in another one.
    std::string suggestion(const std::string& key) const {
        // A file of so many errors is no configuration, and the search takes its time.
        constexpr std::size_t enough = 20;
        if (errors_.size() >= enough) {
            return {};
        }
        const auto dot = key.rfind('.');
        const std::string section = dot == std::string::npos ? "" : key.substr(0, dot);
        const std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
        const std::string near = nearest_name(name, schema_.names_in(section));
        if (!near.empty()) {
            return fmt::format(" (did you mean {}?)", section.empty() ? near : section + '.' + near);
        }
        std::vector<std::string> paths, namesakes;
        for (const ConfigKey& candidate : schema_.keys()) {
            paths.push_back(candidate.path);
            const bool same_start =
                candidate.path.substr(0, candidate.path.find('.')) == key.substr(0, key.find('.'));
            if (same_start && candidate.path.substr(candidate.path.rfind('.') + 1) == name) {
                namesakes.push_back(candidate.path);
            }
        }
        if (namesakes.size() == 1) {
            return fmt::format(" (did you mean {}?)", namesakes.front());
        }
        std::string by_path = did_you_mean(key, paths);
        if (!by_path.empty()) {
            return by_path;
        }
        const std::vector<std::string> names = schema_.names_in(section);
        return names.empty()
                   ? ""
                   : fmt::format("; known {}: {}", section.empty() ? "keys" : "in " + section, joined(names));
    }

    void add_override(const std::string& text) {
        const std::string place = "--set " + text;
        const auto equals = text.find('=');
        if (equals == std::string::npos) {
            errors_.push_back(fmt::format("{}: found no '=', expected KEY=VALUE, e.g. hydra.units=8", place));
            return;
        }
        const std::string key = trimmed(text.substr(0, equals));
        const std::string canonical = schema_.canonical(key);
        if (schema_.find(canonical) != nullptr) {
            entries_[canonical] = {trimmed(text.substr(equals + 1)), place, fs::path{}, key};
        } else if (schema_.is_section(key)) {
            errors_.push_back(fmt::format("{}: {}: found a section, expected one of its keys {}", place, key,
                                          joined(schema_.names_in(key))));
        } else {
            errors_.push_back(fmt::format("{}: {}: unknown key{}", place, key, suggestion(key)));
        }
    }

    void add_technology(const std::string& section) {
        const std::string key = section + ".technology";
        const auto found = entries_.find(key);
        if (found == entries_.end()) {
            return;
        }
        const Entry entry = found->second;
        if (entry.text.empty()) {
            report(entry.where, key, "found nothing, expected the name of a technology file");
            invalid_.insert(section);
            return;
        }
        try {
            entries_.erase(found); // so that one in the file itself is noticed
            const std::string path = (entry.folder / entry.text).string();
            const bool has_mapping = entries_.count(section + ".mapping") != 0;
            add_file(path, section + '.');
            if (!alone_ && !has_mapping) {
                entries_.erase(section + ".mapping"); // the file's is that of the memory alone
            }
            for (const char* name : {"timing", "energy"}) { // what is missing is missing there
                sections_.emplace(fmt::format("{}.{}", section, name), path);
            }
            const auto nested = entries_.find(key);
            if (nested != entries_.end()) {
                report(nested->second.where, key,
                       "found it in a technology file, expected no other file there");
            }
        } catch (const InputError& e) {
            errors_.push_back(
                fmt::format("{} (technology of {}, named in {})", e.what(), section, entry.where));
            invalid_.insert(section);
        }
        entries_[key] = entry;
    }

    void read_keys() {
        const auto is_energy = [](const ConfigKey& key) {
            return is_within(key.path, "dram.energy") || is_within(key.path, "pcm.energy");
        };
        for (const ConfigKey& key : schema_.keys()) {
            if (!is_energy(key)) {
                read_key(key);
            }
        }
        for (const ConfigSchema::Currents& currents : schema_.currents()) {
            derive_energies(currents);
        }
        for (const ConfigKey& key : schema_.keys()) { // these win over derived ones
            if (is_energy(key)) {
                read_key(key);
            }
        }
    }

    void read_key(const ConfigKey& key) {
        if (!key.read) {
            return;
        }
        const auto entry = entries_.find(key.path);
        if (entry != entries_.end()) {
            try {
                key.read(entry->second.text);
            } catch (const InputError& e) {
                report(entry->second.where, key.path, e.what());
            }
        } else if (is_required(key) && is_valid(key.path)) {
            report(where(key.path), key.path, fmt::format("missing, expected {}", key.expected));
        }
    }

    void refuse_unused() {
        for (const ConfigKey& key : schema_.keys()) {
            const auto entry = entries_.find(key.path);
            if (key.used && entry != entries_.end() && is_valid(key.path) && !key.used()) {
                report(entry->second.where, key.path,
                       fmt::format("found {}, expected it with {} only", in_quotes(entry->second.text),
                                   key.used_where));
            }
        }
    }

    bool is_required(const ConfigKey& key) const {
        return key.required && (key.unless.empty() || !is_given(key.unless)) &&
               (key.only_with.empty() || is_given(key.only_with));
    }

    void derive_energies(const ConfigSchema::Currents& currents) {
        const std::string& memory = currents.memory;
        if (!is_given(memory + ".currents") || !is_valid(memory)) {
            return;
        }
        memory::check_currents(currents.values, currents.config.technology,
                               [&](const char* name, const std::string& message) {
                                   const std::string key = fmt::format("{}.{}", memory, name);
                                   report(where(key), key, message);
                               });
        memory::derive_energies(currents.config.technology, currents.values, currents.config.geometry);
    }

    std::string file_;
    bool alone_; ///< a memory is used alone
    ConfigSchema& schema_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, std::string> sections_; ///< where each section stands
    std::vector<std::string> errors_;
    std::set<std::string> invalid_; ///< keys and sections that have an error already
};

PlatformConfig read(const std::string& path, const std::string& memory_alone,
                    const std::vector<std::string>& overrides) {
    PlatformConfig config;
    ConfigSchema schema(config);
    const Reader reader(schema, path, {"dram", "pcm"}, memory_alone, overrides,
                        [&](const auto& is_valid, const ReportError& report) {
                            check_consistency(config, memory_alone.empty(), is_valid, report);
                        });
    return config;
}

std::string yaml_of(const ConfigSchema& schema) {
    std::string yaml = "# Effective configuration of HydraVP: every default and technology filled in.\n";
    std::vector<std::string> open; // sections around the last key
    for (const ConfigKey& key : schema.keys()) {
        const std::string value = key.write && (!key.used || key.used()) ? key.write() : "";
        if (value.empty()) {
            continue;
        }
        std::vector<std::string> parts;
        std::size_t begin = 0;
        for (std::size_t dot = key.path.find('.'); dot != std::string::npos;
             dot = key.path.find('.', begin)) {
            parts.push_back(key.path.substr(begin, dot - begin));
            begin = dot + 1;
        }
        const auto changed = std::mismatch(open.begin(), open.end(), parts.begin(), parts.end());
        for (auto section = changed.second; section != parts.end(); ++section) {
            yaml += fmt::format("{:{}}{}:\n", "", 2 * (section - parts.begin()), *section);
        }
        open = parts;
        const std::string line =
            fmt::format("{:{}}{}: {}", "", 2 * parts.size(), key.path.substr(begin), value);
        yaml += fmt::format("{:<36} # {}\n", line, key.meaning);
    }
    return yaml;
}

} // namespace

PlatformConfig load_config(const std::string& path, const std::vector<std::string>& overrides) {
    return read(path, "", overrides);
}

PlatformConfig load_config_with_memory(const std::string& path, const std::string& technology,
                                       const std::vector<std::string>& overrides) {
    return read(path, technology, overrides);
}

MramPlatformConfig load_mram_config(const std::string& path, const std::vector<std::string>& overrides) {
    MramPlatformConfig config;
    ConfigSchema schema(config);
    const Reader reader(schema, path, {"mram"}, "", overrides,
                        [&](const auto& is_valid, const ReportError& report) {
                            if (is_valid("mram.cell")) {
                                memory::check_cell(config.mram.technology.cell,
                                                   [&report](const char* key, const std::string& message) {
                                                       report(std::string("mram.cell.") + key, message);
                                                   });
                            }
                            if (is_valid("mram.tensor_subarrays") && is_valid("mram.subarrays") &&
                                config.mram.tensor_subarrays >= config.mram.subarrays) {
                                report("mram.tensor_subarrays",
                                       fmt::format("found {}, expected fewer than mram.subarrays, {}",
                                                   config.mram.tensor_subarrays, config.mram.subarrays));
                            }
                            if (is_valid("mram.die") && !(config.mram.technology.die.mm2 > 0)) {
                                report("mram.die", "found 0 mm2, expected an area above zero");
                            }
                        });
    config.mram.variation.sense_current = config.mram.technology.sense_current;
    return config;
}

modules::HybridMemoryConfig load_hybrid_memory(const std::string& path,
                                               const std::vector<std::string>& overrides) {
    const PlatformConfig config = load_config(path, overrides);
    return (config.transfers == TransferModel::ideal ? with_ideal_transfers(config) : config).memory;
}

bool is_technology_file(const std::string& path) {
    const YAML::Node root = parse_yaml(path);
    return !root["dram"] && (root["kind"] || root["timing"] || root["geometry"] || root["energy"]);
}

bool is_mram_platform(const std::string& path) {
    return static_cast<bool>(parse_yaml(path)["mram"]);
}

std::string effective_yaml(const PlatformConfig& config) {
    PlatformConfig copy = config;
    return yaml_of(ConfigSchema(copy));
}

std::string effective_yaml(const MramPlatformConfig& config) {
    MramPlatformConfig copy = config;
    return yaml_of(ConfigSchema(copy));
}

} // namespace hydravp::platform
