drtool_unit_test(packer drtool_snapshot)
drtool_unit_test(pattern drtool_pg)
drtool_unit_test(plan drtool_snapshot)
