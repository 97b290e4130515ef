/**
 * @file test_machine.c
 * ISAs by name, and what the library tells about the machine and its own build.
 */
#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

static void test_isas(void **state)
{
    convoy_isa isa = CONVOY_ISA_COUNT;
    convoy_layer layer = parse_layer("n1c3h5w5_k4r3s3");
    convoy_description all[64];
    (void)state;
    for (int i = 0; i < CONVOY_ISA_COUNT; i++) {
        assert_ok(convoy_isa_parse(convoy_isa_name((convoy_isa)i), &isa));
        assert_int_equal(isa, i);
        convoy_options options = {.isa = (convoy_isa)i};
        if (convoy_isa_usable((convoy_isa)i)) {
            assert_true(convoy_isa_compiled((convoy_isa)i));
            assert_ok(convoy_layer_explain(&layer, &options, all));
        } else {
            assert_status(convoy_layer_explain(&layer, &options, all), CONVOY_ERROR_ISA);
            assert_contains(convoy_error_detail(), convoy_isa_name((convoy_isa)i));
        }
    }
    assert_status(convoy_isa_parse("avx3", &isa), CONVOY_ERROR_ISA);
    assert_contains(convoy_error_detail(), "avx512");
    assert_status(convoy_isa_parse(NULL, &isa), CONVOY_ERROR_NULL);
    assert_string_equal(convoy_isa_name((convoy_isa)99), "unknown");
    assert_true(convoy_isa_usable(CONVOY_ISA_PORTABLE));
    assert_true(convoy_isa_usable(convoy_isa_best()));
    assert_true(convoy_isa_best() != CONVOY_ISA_BEST);
}

static void test_machine(void **state)
{
    convoy_machine machine;
    (void)state;
    assert_status(convoy_machine_describe(NULL), CONVOY_ERROR_NULL);
    assert_ok(convoy_machine_describe(&machine));
    assert_true(machine.cores >= 1 && machine.threads >= 1);
    assert_true(machine.memory_bytes > 0);
    assert_true(strlen(machine.compiler) > 4 && strlen(machine.build) > 0);
    assert_true(strlen(machine.gemm) > 0 && strlen(machine.gemm_core) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isas),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
