# SPDX-License-Identifier: Apache-2.0

# Warnings and sanitizers of every target of this project.
add_library(hydravp_options INTERFACE)
add_library(HydraVP::options ALIAS hydravp_options)
target_compile_options(hydravp_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                       $<$<BOOL:${HYDRAVP_WERROR}>:-Werror>)
if(HYDRAVP_SANITIZE)
  target_compile_options(hydravp_options INTERFACE -fsanitize=${HYDRAVP_SANITIZE}
                         -fno-sanitize-recover=undefined -fno-omit-frame-pointer
                         -Wno-maybe-uninitialized) # GCC warns falsely in instrumented code
  target_link_options(hydravp_options INTERFACE -fsanitize=${HYDRAVP_SANITIZE})
  if(HYDRAVP_SANITIZE MATCHES address)
    # An exception that unwinds an SC_THREAD's stack leaves marks that the sanitizer can't remove, because it doesn't know
    # the coroutine's bounds; without instrumented stacks there are none. Heap and globals are checked.
    target_compile_options(hydravp_options INTERFACE --param=asan-stack=0)
  endif()
endif()

# hydravp_add_library(NAME [PUBLIC LIB...] [PRIVATE LIB...])
#
# The library target HydraVP::NAME from NAME/src, with its public headers in NAME/include/hydravp/NAME. Its name is
# appended to HYDRAVP_LIBRARIES.
function(hydravp_add_library name)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/src/*.cpp)
  add_library(hydravp_${name} STATIC ${sources})
  add_library(HydraVP::${name} ALIAS hydravp_${name})
  set_target_properties(hydravp_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(hydravp_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/${name}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                             PRIVATE ${CMAKE_SOURCE_DIR}/${name}/src)
  target_compile_features(hydravp_${name} PUBLIC cxx_std_17)
  target_link_libraries(hydravp_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE}
                        $<BUILD_INTERFACE:HydraVP::options>)
  target_precompile_headers(hydravp_${name} PRIVATE <systemc> <tlm> <vector> <string>)
  set(HYDRAVP_LIBRARIES ${HYDRAVP_LIBRARIES} ${name} PARENT_SCOPE)
endfunction()
