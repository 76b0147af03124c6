// SPDX-License-Identifier: Apache-2.0
// The carrier of the tests' precompiled headers; see test/CMakeLists.txt.
