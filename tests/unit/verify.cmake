drtool_unit_test(acl_text drtool_restore)
drtool_unit_test(cat drtool_restore drtool_snapshot)
drtool_unit_test(compare drtool_restore)
drtool_unit_test(recode drtool_restore)
drtool_unit_test(scratch drtool_restore)
drtool_unit_test(verify drtool_restore drtool_snapshot)
set_tests_properties(unit-compare unit-scratch PROPERTIES SKIP_RETURN_CODE 77)
# each makes several clusters
set_tests_properties(unit-compare unit-scratch unit-verify PROPERTIES TIMEOUT 300)
