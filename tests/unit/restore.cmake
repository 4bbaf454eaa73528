foreach(module graph render_filter restore_text)
  drtool_unit_test(${module} drtool_restore)
endforeach()
drtool_unit_test(feed drtool_restore)
