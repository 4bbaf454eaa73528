# What is made from the option table, what is installed, and the .deb that cpack makes.

# The program prints its own manual page and completion, so they cannot be behind it.
set(DRTOOL_MADE ${PROJECT_BINARY_DIR}/made)
file(MAKE_DIRECTORY ${DRTOOL_MADE})
add_custom_command(
  OUTPUT ${DRTOOL_MADE}/drtool.1 ${DRTOOL_MADE}/drtool.bash
  COMMAND drtool help --man > ${DRTOOL_MADE}/drtool.1
  COMMAND drtool help --completion > ${DRTOOL_MADE}/drtool.bash
  DEPENDS drtool VERBATIM)
add_custom_target(drtool_made ALL DEPENDS ${DRTOOL_MADE}/drtool.1 ${DRTOOL_MADE}/drtool.bash)

install(FILES ${DRTOOL_MADE}/drtool.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${DRTOOL_MADE}/drtool.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME drtool)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright OPTIONAL)
install(FILES LICENSE README.md storage/repository/FORMAT.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(PROGRAMS scripts/recover.sh DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME drtool)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "verified snapshots and restores of PostgreSQL databases")
set(CPACK_PACKAGE_CONTACT "drtool maintainers <drtool@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# pg_dump and pg_restore; setpriv ties the life of child processes to drtool's.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "postgresql-client, util-linux")
# initdb and postgres, for test restores on a private server
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
include(CPack)
