// SPDX-License-Identifier: Apache-2.0
#include "hydravp/platform/endurance.h"

namespace hydravp::platform {
namespace {

constexpr double ms_per_year = 365.25 * 86400e3;

} // namespace

EnduranceFigures endurance_figures(const std::string& memory, const memory::Technology& technology,
                                   std::uint64_t capacity_bytes, const memory::WearSummary& wear,
                                   std::uint64_t frames, double frame_ms) {
    EnduranceFigures figures;
    figures.memory = memory;
    figures.technology = technology.name;
    figures.endurance = technology.endurance;
    figures.capacity_bytes = capacity_bytes;
    figures.array_words = static_cast<double>(wear.words) / static_cast<double>(frames);
    figures.most_writes = static_cast<double>(wear.most_writes) / static_cast<double>(frames);
    if (wear.words > 0) {
        const double life_ms = static_cast<double>(technology.endurance) * frame_ms;
        const double words = static_cast<double>(capacity_bytes) / 2;
        figures.years = life_ms / figures.most_writes / ms_per_year;
        figures.years_levelled = life_ms * words / figures.array_words / ms_per_year;
    }
    return figures;
}

} // namespace hydravp::platform
