# Registers the Python tests with ctest: end to end with the built program, and interop with readers that others wrote.
set(SEXTANT_PYTHON_BASE "${CMAKE_SOURCE_DIR}/build/python/base/bin/python")

# The environment is made by the first run of ctest and kept below build/.
add_test(NAME "python environment" COMMAND "${CMAKE_SOURCE_DIR}/tools/python_env" base)
set_tests_properties("python environment" PROPERTIES FIXTURES_SETUP python_base TIMEOUT 600 LABELS e2e)

# One ctest test per test method of test/FILE.py; further arguments are test properties.
function(sextant_python_tests file)
  file(STRINGS "${CMAKE_SOURCE_DIR}/test/${file}.py" methods REGEX "^    def test_[a-z0-9_]+\\(")
  string(REGEX REPLACE "(^|/)([^/]+)_test$" "\\1\\2" title "${file}")
  foreach(method ${methods})
    string(REGEX REPLACE ".*def (test_[a-z0-9_]+)\\(.*" "\\1" method "${method}")
    string(REGEX REPLACE "^test_" "" name "${method}")
    string(REPLACE "_" " " name "${title}: ${name}")
    add_test(NAME "${name}" COMMAND "${SEXTANT_PYTHON_BASE}" "${CMAKE_SOURCE_DIR}/test/${file}.py" -k ".${method}")
    set_tests_properties("${name}" PROPERTIES FIXTURES_REQUIRED python_base TIMEOUT 420 LABELS e2e SKIP_RETURN_CODE 77
      ENVIRONMENT "SEXTANT=$<TARGET_FILE:sextant>;TEST_NATS=$<TARGET_FILE:test_adapters_nats>;NULL_SERVER=$<TARGET_FILE:null_server>;SEXTANT_TABLES=none;SEXTANT_CONFIG_FILE=none" ${ARGN})
  endforeach()
endfunction()

sextant_python_tests(e2e/profile_test)
sextant_python_tests(e2e/estimate_test)
sextant_python_tests(e2e/estimate_rows_test)
# Engines that run against the clock get the machine for themselves.
sextant_python_tests(e2e/resume_test RUN_SERIAL ON TIMEOUT 300)
sextant_python_tests(e2e/trace_test)
sextant_python_tests(e2e/sidecar_test)
sextant_python_tests(e2e/serve_test)
sextant_python_tests(e2e/nats_access_test)
sextant_python_tests(e2e/deploy_test)
sextant_python_tests(e2e/nats_roles_test RUN_SERIAL ON)
# The first run makes the image's root file system with mmdebstrap (about two minutes), below build/.
sextant_python_tests(e2e/standin_test RESOURCE_LOCK image_root TIMEOUT 900)
# Times of a server that knows them: the machine for themselves.
sextant_python_tests(e2e/load_test RUN_SERIAL ON)
sextant_python_tests(e2e/load_faults_test)
sextant_python_tests(e2e/load_analysis_test RUN_SERIAL ON)

# Engines against the clock, and a lost node is declared after seconds.
sextant_python_tests(e2e/nodes_test RUN_SERIAL ON)
sextant_python_tests(interop/nats_py_test)
sextant_python_tests(interop/hostile_test)
# Installs uvicorn and aiohttp once; without a network they are skipped.
sextant_python_tests(interop/web_servers_test RUN_SERIAL ON)
# Installs Dynamo once; without a network they are skipped. Two engines with their Python processes each need the machine.
sextant_python_tests(interop/dynamo_local_test RUN_SERIAL ON)
sextant_python_tests(interop/dynamo_sidecar_test RUN_SERIAL ON)
# The first of these builds the `nats` command, where there is Go.
sextant_python_tests(interop/nats_cli_test RESOURCE_LOCK nats_command TIMEOUT 900)
# The first of these builds the newest message server into the user's cache, where there is Go.
sextant_python_tests(interop/newest_server_test RUN_SERIAL ON TIMEOUT 900)
# The first of these builds a Kubernetes API server, where there is Go.
sextant_python_tests(interop/kubernetes_test RESOURCE_LOCK kubernetes_server TIMEOUT 1800)
# One server for all of them.
add_test(NAME "operator: in a cluster" COMMAND "${SEXTANT_PYTHON_BASE}" "${CMAKE_SOURCE_DIR}/test/interop/operator_test.py")
set_tests_properties("operator: in a cluster" PROPERTIES FIXTURES_REQUIRED python_base RESOURCE_LOCK kubernetes_server TIMEOUT 1800
  LABELS e2e SKIP_RETURN_CODE 77
  ENVIRONMENT "SEXTANT=$<TARGET_FILE:sextant>;TEST_NATS=$<TARGET_FILE:test_adapters_nats>;NULL_SERVER=$<TARGET_FILE:null_server>;SEXTANT_TABLES=none")

sextant_python_tests(interop/dynamo_operator_test RUN_SERIAL ON TIMEOUT 1800)

# Output directories of real runs, one per sample, for the checks by programs that others wrote.
set(profiled "${CMAKE_BINARY_DIR}/test/profiled")
foreach(sample qwen3-32b qwen3-30b-a3b deepseek-r1 qwen3-8b-v1beta1)
  add_test(NAME "profile of ${sample}" COMMAND sextant profile "${CMAKE_SOURCE_DIR}/deploy/samples/${sample}.yaml"
    --simulation virtual --output-dir "${profiled}/${sample}")
  set_tests_properties("profile of ${sample}" PROPERTIES FIXTURES_SETUP profiled_${sample} TIMEOUT 180 LABELS e2e)
  foreach(check npz_check yaml_check)
    add_test(NAME "interop/${check}: ${sample}" COMMAND "${SEXTANT_PYTHON_BASE}" "${CMAKE_SOURCE_DIR}/test/interop/${check}.py"
      "${profiled}/${sample}")
    set_tests_properties("interop/${check}: ${sample}" PROPERTIES FIXTURES_REQUIRED "python_base;profiled_${sample}" TIMEOUT 60
      LABELS e2e)
  endforeach()
  # The first of these fetches the planner's code; without a network they are skipped (exit code 2).
  add_test(NAME "interop/planner_check: ${sample}" COMMAND "${CMAKE_SOURCE_DIR}/test/interop/planner_check.sh"
    "${profiled}/${sample}" "${CMAKE_SOURCE_DIR}/build/python/planner")
  set_tests_properties("interop/planner_check: ${sample}" PROPERTIES FIXTURES_REQUIRED profiled_${sample} TIMEOUT 600
    RESOURCE_LOCK planner_environment SKIP_RETURN_CODE 2 LABELS e2e)
endforeach()

add_test(NAME "interop/asyncapi_check" COMMAND "${SEXTANT_PYTHON_BASE}" "${CMAKE_SOURCE_DIR}/test/interop/asyncapi_check.py")
set_tests_properties("interop/asyncapi_check" PROPERTIES FIXTURES_REQUIRED python_base TIMEOUT 120 LABELS e2e
  ENVIRONMENT "TEST_MESSAGES=$<TARGET_FILE:test_messages>")

# The first run installs the aiperf package; without a network it is skipped.
add_test(NAME "interop/aiperf_models_check" COMMAND "${CMAKE_SOURCE_DIR}/test/interop/aiperf_models_check.sh"
  "$<TARGET_FILE:test_adapters_aiperf>" "${CMAKE_BINARY_DIR}/test/aiperf_sample")
set_tests_properties("interop/aiperf_models_check" PROPERTIES TIMEOUT 600 RESOURCE_LOCK aiperf_environment SKIP_RETURN_CODE 77
  LABELS e2e)

# The rules of the tree.
add_test(NAME "rooms" COMMAND "${CMAKE_SOURCE_DIR}/tools/check_rooms")
add_test(NAME "format" COMMAND "${CMAKE_SOURCE_DIR}/tools/check_format")
set_tests_properties("rooms" "format" PROPERTIES LABELS unit)
