drtool_unit_test(config drtool_config)
drtool_unit_test(options drtool_config)
drtool_unit_test(progress drtool_cmd)
target_compile_definitions(test_options PRIVATE DRTOOL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
