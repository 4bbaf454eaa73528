foreach(module conninfo copy session toc tools)
  drtool_unit_test(${module} drtool_pg)
endforeach()
