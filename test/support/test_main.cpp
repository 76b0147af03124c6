// SPDX-License-Identifier: Apache-2.0
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <systemc>

// The SystemC library exports main(); a test program starts here.
int sc_main(int argc, char* argv[]) {
    return Catch::Session().run(argc, argv);
}
