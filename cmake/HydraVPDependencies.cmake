# SPDX-License-Identifier: Apache-2.0
# What the libraries of HydraVP are built on; each is a Debian package (see scripts/install-dependencies). Used by the
# build of HydraVP and, installed, by find_package(HydraVP).

# What the users of each library have to find; modules, for example, needs no YAML.
set(HYDRAVP_DEPENDENCIES_core systemc fmt)
set(HYDRAVP_DEPENDENCIES_memory ${HYDRAVP_DEPENDENCIES_core})
set(HYDRAVP_DEPENDENCIES_modules ${HYDRAVP_DEPENDENCIES_memory} hwy)
set(HYDRAVP_DEPENDENCIES_accelerators ${HYDRAVP_DEPENDENCIES_modules})
set(HYDRAVP_DEPENDENCIES_workloads ${HYDRAVP_DEPENDENCIES_core} onnx blas boost)
set(HYDRAVP_DEPENDENCIES_platform ${HYDRAVP_DEPENDENCIES_accelerators} ${HYDRAVP_DEPENDENCIES_workloads} yaml)

# hydravp_add_dependency(NAME LIBRARY...): the imported target HydraVP::NAME
macro(hydravp_add_dependency name)
  add_library(HydraVP::${name} INTERFACE IMPORTED)
  target_link_libraries(HydraVP::${name} INTERFACE ${ARGN})
endmacro()

# hydravp_find_dependencies(MISSING NAME...)
#
# Looks for the named ones and makes their targets: HydraVP::systemc, ::hwy, ::onnx, ::blas, and those of the packages
# fmt, Boost, yaml-cpp, nlohmann_json and CLI11. The variable MISSING gets what is not found.
function(hydravp_find_dependencies missing_variable)
  set(missing)

  # SystemC: the user's own target, its CMake package, $SYSTEMC_HOME, pkg-config (Debian ships only the last).
  if("systemc" IN_LIST ARGN AND NOT TARGET HydraVP::systemc)
    if(NOT TARGET SystemC::systemc)
      find_package(SystemCLanguage CONFIG QUIET)
    endif()
    if(TARGET SystemC::systemc)
      hydravp_add_dependency(systemc SystemC::systemc)
    elseif(DEFINED ENV{SYSTEMC_HOME})
      find_library(HYDRAVP_SYSTEMC_LIBRARY systemc
                   PATHS $ENV{SYSTEMC_HOME} PATH_SUFFIXES lib lib64 lib-linux64 NO_DEFAULT_PATH)
      if(HYDRAVP_SYSTEMC_LIBRARY)
        hydravp_add_dependency(systemc ${HYDRAVP_SYSTEMC_LIBRARY})
        target_include_directories(HydraVP::systemc INTERFACE $ENV{SYSTEMC_HOME}/include)
      endif()
    else()
      find_package(PkgConfig QUIET)
      if(PKG_CONFIG_FOUND)
        pkg_check_modules(HYDRAVP_SYSTEMC QUIET IMPORTED_TARGET systemc>=2.3.4)
      endif()
      if(TARGET PkgConfig::HYDRAVP_SYSTEMC)
        hydravp_add_dependency(systemc PkgConfig::HYDRAVP_SYSTEMC)
      endif()
    endif()
    if(NOT TARGET HydraVP::systemc)
      list(APPEND missing "SystemC 2.3.4 (by pkg-config or $SYSTEMC_HOME)")
    endif()
  endif()

  foreach(dependency IN ITEMS "fmt fmt fmt::fmt" "yaml yaml-cpp yaml-cpp" "json nlohmann_json nlohmann_json::nlohmann_json"
                              "cli11 CLI11 CLI11::CLI11")
    string(REPLACE " " ";" dependency "${dependency}")
    list(GET dependency 0 name)
    list(GET dependency 1 package)
    list(GET dependency 2 target)
    if(name IN_LIST ARGN AND NOT TARGET ${target})
      find_package(${package} QUIET)
      if(NOT TARGET ${target})
        list(APPEND missing ${package})
      endif()
    endif()
  endforeach()

  if("boost" IN_LIST ARGN AND NOT TARGET Boost::iostreams)
    find_package(Boost QUIET COMPONENTS iostreams)
    if(NOT TARGET Boost::iostreams)
      list(APPEND missing Boost.Iostreams)
    endif()
  endif()

  if("hwy" IN_LIST ARGN AND NOT TARGET HydraVP::hwy)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_check_modules(HYDRAVP_HWY QUIET IMPORTED_TARGET libhwy)
    endif()
    if(TARGET PkgConfig::HYDRAVP_HWY)
      hydravp_add_dependency(hwy PkgConfig::HYDRAVP_HWY)
    else()
      list(APPEND missing "Highway (libhwy)")
    endif()
  endif()

  if("onnx" IN_LIST ARGN AND NOT TARGET HydraVP::onnx)
    find_package(Protobuf QUIET)
    find_library(HYDRAVP_ONNX_PROTO_LIBRARY onnx_proto)
    if(HYDRAVP_ONNX_PROTO_LIBRARY AND TARGET protobuf::libprotobuf)
      hydravp_add_dependency(onnx ${HYDRAVP_ONNX_PROTO_LIBRARY} protobuf::libprotobuf)
      target_compile_definitions(HydraVP::onnx INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
    else()
      list(APPEND missing "ONNX (onnx_proto and protobuf)")
    endif()
  endif()

  # The serial OpenBLAS: the simulator is single-threaded and its results do not depend on the machine's cores.
  if("blas" IN_LIST ARGN AND NOT TARGET HydraVP::blas)
    find_path(HYDRAVP_CBLAS_INCLUDE cblas.h PATH_SUFFIXES x86_64-linux-gnu/openblas-serial openblas-serial)
    find_library(HYDRAVP_BLAS_LIBRARY openblas PATH_SUFFIXES x86_64-linux-gnu/openblas-serial openblas-serial)
    if(HYDRAVP_CBLAS_INCLUDE AND HYDRAVP_BLAS_LIBRARY)
      hydravp_add_dependency(blas ${HYDRAVP_BLAS_LIBRARY})
      target_include_directories(HydraVP::blas INTERFACE ${HYDRAVP_CBLAS_INCLUDE})
    else()
      list(APPEND missing "OpenBLAS (serial)")
    endif()
  endif()

  set(${missing_variable} "${missing}" PARENT_SCOPE)
endfunction()
