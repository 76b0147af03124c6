# SPDX-License-Identifier: Apache-2.0
# cmake --install BUILD --prefix PREFIX: program, libraries, headers, configurations, and the package for
# find_package(HydraVP). Nothing in it names PREFIX or the folders of the build, so it may be moved.
include(CMakePackageConfigHelpers)

set(HYDRAVP_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/HydraVP)

install(TARGETS hydravp RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(library IN LISTS HYDRAVP_LIBRARIES)
  install(TARGETS hydravp_${library} EXPORT HydraVPTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${library}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(DIRECTORY configs/ DESTINATION ${HYDRAVP_CONFIG_FOLDER})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT HydraVPTargets NAMESPACE HydraVP:: DESTINATION ${HYDRAVP_PACKAGE_FOLDER})
configure_package_config_file(cmake/HydraVPConfig.cmake.in ${CMAKE_BINARY_DIR}/HydraVPConfig.cmake
                              INSTALL_DESTINATION ${HYDRAVP_PACKAGE_FOLDER} PATH_VARS HYDRAVP_CONFIG_FOLDER
                              NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/HydraVPConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/HydraVPConfig.cmake ${CMAKE_BINARY_DIR}/HydraVPConfigVersion.cmake
              cmake/HydraVPDependencies.cmake
        DESTINATION ${HYDRAVP_PACKAGE_FOLDER})
