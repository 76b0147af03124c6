// SPDX-License-Identifier: Apache-2.0
#pragma once

enum ExitCode { success = 0, simulation_failed = 1, bad_input = 2, interrupted = 130 };
