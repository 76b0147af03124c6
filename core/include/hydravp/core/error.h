// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace hydravp::core {

/// The user's input (configuration, network, images, command line) is wrong. The program prints the
/// message and exits with code 2.
class InputError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The simulated system could not finish its work, for example because a layer timed out. Exit code 1.
class SimulationError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace hydravp::core
