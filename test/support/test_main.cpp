// SPDX-License-Identifier: Apache-2.0
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <systemc>

// The SystemC library exports main(); a test program starts here.
int sc_main(int argc, char* argv[]) {
    Catch::Session session;
    session.configData().warnings = Catch::WarnAbout::NoTests; // a name that matches nothing is a failure
    return session.run(argc, argv);
}
