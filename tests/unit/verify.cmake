drtool_unit_test(acl_text drtool_restore)
drtool_unit_test(compare drtool_restore)
drtool_unit_test(scratch drtool_restore)
set_tests_properties(unit-compare unit-scratch PROPERTIES SKIP_RETURN_CODE 77)
