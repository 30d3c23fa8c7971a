# One static library a layer, every warning an error.
function(rerankd_compile_settings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-missing-field-initializers -Werror)
  # g++ 12 sees overlapping copies in std::string at -O3 where there are none (GCC bug 105651).
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
endfunction()

# rerankd_layer(NAME SOURCES... DEPS...): src/NAME as library rerankd_NAME.
function(rerankd_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(rerankd_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(rerankd_${name} PUBLIC ${ARG_DEPS})
  rerankd_compile_settings(rerankd_${name})
endfunction()

# rerankd_test(NAME SOURCES... DEPS...): a GoogleTest program, each case a ctest test.
function(rerankd_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR})
  rerankd_compile_settings(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "RERANKD_SOURCE_DIR=${PROJECT_SOURCE_DIR};RERANKD_DEFAULT_MODEL_DIR=${RERANKD_DEFAULT_MODEL_DIR};RERANKD_TEST_MINILM_DIR=${RERANKD_TEST_MINILM_DIR};RERANKD_H2=${RERANKD_H2}")
endfunction()

# rerankd_fuzzer(NAME SOURCES... DEPS...): a libFuzzer program.
function(rerankd_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} -fsanitize=fuzzer)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  rerankd_compile_settings(${name})
endfunction()
