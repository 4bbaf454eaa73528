foreach(module err buf arena queue cancel path file child clock observer utf8)
  drtool_unit_test(${module} drtool_base)
endforeach()
foreach(module hash fingerprint chunker compress)
  drtool_unit_test(${module} drtool_codec)
endforeach()

# Each function banned by src/base/banned.h is refused by the compiler; the headers of every library we use still compile (test_banned.c).
drtool_unit_test(banned drtool_base PkgConfig::LIBPQ PkgConfig::JANSSON PkgConfig::CYAML PkgConfig::ZSTD PkgConfig::CRYPTO
  PkgConfig::XXHASH)
foreach(name sprintf vsprintf strcpy strcat strncpy strncat gets system popen tmpnam mktemp atoi atol)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/banned_${name}.c)
  file(WRITE ${source} "void *used(void);\nvoid *used(void)\n{\n\treturn (void *)${name};\n}\n")
  add_test(NAME unit-banned-${name} COMMAND ${CMAKE_C_COMPILER} -D_GNU_SOURCE -I${CMAKE_CURRENT_LIST_DIR}/../..
    -include src/base/banned.h -fsyntax-only ${source})
  set_tests_properties(unit-banned-${name} PROPERTIES LABELS unit PASS_REGULAR_EXPRESSION "attempt to use .*poisoned")
endforeach()
