# SPDX-License-Identifier: Apache-2.0
# Everything HydraVP builds on; each is a Debian package (see scripts/install-dependencies).

# SystemC: its own CMake package, then $SYSTEMC_HOME, then pkg-config (Debian ships only the last).
find_package(SystemCLanguage CONFIG QUIET)
add_library(hydravp_systemc INTERFACE)
add_library(HydraVP::systemc ALIAS hydravp_systemc)
if(SystemCLanguage_FOUND)
  target_link_libraries(hydravp_systemc INTERFACE SystemC::systemc)
elseif(DEFINED ENV{SYSTEMC_HOME})
  find_library(HYDRAVP_SYSTEMC_LIBRARY systemc REQUIRED
               PATHS $ENV{SYSTEMC_HOME} PATH_SUFFIXES lib lib64 lib-linux64 NO_DEFAULT_PATH)
  target_include_directories(hydravp_systemc SYSTEM INTERFACE $ENV{SYSTEMC_HOME}/include)
  target_link_libraries(hydravp_systemc INTERFACE ${HYDRAVP_SYSTEMC_LIBRARY})
else()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc>=2.3.4)
  target_link_libraries(hydravp_systemc INTERFACE PkgConfig::SYSTEMC)
endif()

find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost REQUIRED COMPONENTS iostreams)
find_package(Protobuf REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
add_library(hwy::hwy ALIAS PkgConfig::HWY)

find_library(HYDRAVP_ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(hydravp_onnx INTERFACE)
add_library(HydraVP::onnx ALIAS hydravp_onnx)
target_compile_definitions(hydravp_onnx INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(hydravp_onnx INTERFACE ${HYDRAVP_ONNX_PROTO_LIBRARY} protobuf::libprotobuf)

# The serial OpenBLAS: the simulator is single-threaded and its results do not depend on the machine's cores.
find_path(HYDRAVP_CBLAS_INCLUDE cblas.h REQUIRED
          PATH_SUFFIXES x86_64-linux-gnu/openblas-serial openblas-serial)
find_library(HYDRAVP_BLAS_LIBRARY openblas REQUIRED
             PATH_SUFFIXES x86_64-linux-gnu/openblas-serial openblas-serial)
add_library(hydravp_blas INTERFACE)
add_library(HydraVP::blas ALIAS hydravp_blas)
target_include_directories(hydravp_blas SYSTEM INTERFACE ${HYDRAVP_CBLAS_INCLUDE})
target_link_libraries(hydravp_blas INTERFACE ${HYDRAVP_BLAS_LIBRARY})
