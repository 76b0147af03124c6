// SPDX-License-Identifier: Apache-2.0
#include "studies.h"

#include "hydravp/core/error.h"
#include "hydravp/platform/nearest_name.h"

#include <fmt/format.h>

namespace hydravp::platform {

const std::vector<Study>& known_studies() {
    static const std::vector<Study> studies{hydra_study()};
    return studies;
}

const Study& find_study(const std::string& name) {
    std::vector<std::string> names;
    std::string list;
    for (const Study& study : known_studies()) {
        if (study.name == name) {
            return study;
        }
        names.push_back(study.name);
        list += (list.empty() ? "" : ", ") + study.name;
    }
    names.emplace_back("mram"); // not a study of runs, but known to the program
    list += ", mram";
    throw core::InputError(
        fmt::format("found {}, expected a paper to reproduce: {}{}", name, list, did_you_mean(name, names)));
}

} // namespace hydravp::platform
