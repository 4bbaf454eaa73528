# A broken invariant ends the program in every build: a backup tool that goes on after one is worse than one that stops.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

# Every target of ours links drtool_flags: warnings, feature macros, sanitizers.
add_library(drtool_flags INTERFACE)
target_include_directories(drtool_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(drtool_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64 DRTOOL_VERSION="${PROJECT_VERSION}")
target_compile_options(drtool_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wformat=2 -Wwrite-strings -Wno-sign-conversion
  -fno-strict-aliasing -fstack-protector-strong -include ${PROJECT_SOURCE_DIR}/src/base/banned.h)
if(DRTOOL_WERROR)
  target_compile_options(drtool_flags INTERFACE -Werror)
endif()
if(DRTOOL_SANITIZE)
  target_compile_options(drtool_flags INTERFACE -fsanitize=${DRTOOL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(drtool_flags INTERFACE -fsanitize=${DRTOOL_SANITIZE})
endif()
if(DRTOOL_COVERAGE)
  set(CMAKE_C_EXTENSIONS ON) # then gcc writes the counters before an exec
  target_compile_options(drtool_flags INTERFACE --coverage -O0 -fprofile-update=atomic) # threads count at once
  target_link_options(drtool_flags INTERFACE --coverage)
endif()

# drtool_library(NAME sources...): a static library of the tree; link what it may use with target_link_libraries.
function(drtool_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC drtool_flags)
endfunction()
