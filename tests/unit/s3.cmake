drtool_unit_test(http drtool_backend Threads::Threads)
drtool_unit_test(retry drtool_backend)
drtool_unit_test(s3_request drtool_backend Threads::Threads)
drtool_unit_test(s3_url drtool_backend)
