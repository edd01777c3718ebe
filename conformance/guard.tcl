# Added to the suite's support files by `cargo xtask conformance`.
#
# An error between two tests would end the whole unit. With this it fails by itself, the block of tests that belong to
# one server ends there, and the unit goes on with the next block. An error inside of a test is left to the test.

rename start_server start_server_unguarded

proc start_server {options {code undefined}} {
    if {$code eq "undefined"} {
        return [uplevel 1 [list start_server_unguarded $options]]
    }
    uplevel 1 [list start_server_unguarded $options [list guarded_block $code]]
}

proc guarded_block {code} {
    set tags $::tags
    set status [catch {uplevel 1 $code} result state]
    if {$status == 1 && $::cur_test eq ""} {
        set ::tags $tags
        send_data_packet $::test_server_fd err $::errorInfo
        return
    }
    return -options $state $result
}
