# SPDX-License-Identifier: MIT
# What `cmake --install` puts where. Included by the top CMakeLists.txt, behind add_subdirectory(src).
# Everything that is installed finds the rest relative to itself: the prefix may be moved afterwards.
# Components: runtime (the shared library), development (header, pkg-config, CMake), static (libacap.a).
option(ACAP_INSTALL "Install rules" ${acap_is_top})
if(NOT ACAP_INSTALL)
    return()
endif()

include(CMakePackageConfigHelpers)
set(acap_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/acap)

install(FILES include/acap/acap.h include/acap/acap.hpp include/acap/version.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/acap COMPONENT development)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

# Programs find the library beside them, wherever both are moved. Distributions: -DCMAKE_SKIP_INSTALL_RPATH=ON.
if(UNIX AND NOT APPLE AND NOT DEFINED CMAKE_INSTALL_RPATH AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH acap_bin_to_lib "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
    set(CMAKE_INSTALL_RPATH "\$ORIGIN/${acap_bin_to_lib}")
endif()

if(ACAP_BUILD_SHARED)
    install(TARGETS acap EXPORT acap-shared-targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
    install(EXPORT acap-shared-targets NAMESPACE acap:: DESTINATION ${acap_cmake_dir} COMPONENT development)
endif()
if(ACAP_BUILD_STATIC)
    set_target_properties(acap_static PROPERTIES EXPORT_NAME static)
    install(TARGETS acap_static EXPORT acap-static-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT static)
    install(EXPORT acap-static-targets NAMESPACE acap:: DESTINATION ${acap_cmake_dir} COMPONENT static)
endif()

# Before 1.0 a new minor version may break programs, as the soname cannot tell.
configure_package_config_file(src/acap-config.cmake.in ${PROJECT_BINARY_DIR}/acap-config.cmake INSTALL_DESTINATION ${acap_cmake_dir}
    NO_SET_AND_CHECK_MACRO)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(acap_compatibility SameMinorVersion)
else()
    set(acap_compatibility SameMajorVersion)
endif()
write_basic_package_version_file(${PROJECT_BINARY_DIR}/acap-config-version.cmake COMPATIBILITY ${acap_compatibility})
install(FILES ${PROJECT_BINARY_DIR}/acap-config.cmake ${PROJECT_BINARY_DIR}/acap-config-version.cmake
    DESTINATION ${acap_cmake_dir} COMPONENT development)

# acap.pc: relative to where it lies, unless a directory was configured as an absolute path.
function(acap_pc_directory variable directory)
    if(IS_ABSOLUTE "${directory}")
        set(${variable} "${directory}" PARENT_SCOPE)
    else()
        set(${variable} "\${prefix}/${directory}" PARENT_SCOPE)
    endif()
endfunction()

acap_pc_directory(acap_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
acap_pc_directory(acap_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(acap_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH acap_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" acap_pc_up "${acap_pc_up}")
    set(acap_pc_prefix "\${pcfiledir}/${acap_pc_up}")
endif()
set(acap_pc_requires)
if(ACAP_WITH_PORTAUDIO)
    set(acap_pc_requires portaudio-2.0)
endif()
set(acap_pc_libs "-lpthread")
foreach(library IN ITEMS ${CMAKE_DL_LIBS} m)
    string(APPEND acap_pc_libs " -l${library}")
endforeach()
if(WIN32)
    string(APPEND acap_pc_libs " -lsynchronization")
endif()
# Only users of libacap.a need these: all users where there is no other.
if(ACAP_BUILD_SHARED)
    set(acap_pc_lines "Libs: -L\${libdir} -lacap\nRequires.private: ${acap_pc_requires}\nLibs.private: ${acap_pc_libs}")
else()
    set(acap_pc_lines "Libs: -L\${libdir} -lacap ${acap_pc_libs}\nRequires: ${acap_pc_requires}")
endif()
configure_file(src/acap.pc.in ${PROJECT_BINARY_DIR}/acap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/acap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
