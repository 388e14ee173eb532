# Compiles text files into a library as string constants, so that the binary needs no data files beside it.
#   sextant_embed(library folder file...) declares `extern const std::string_view <file_with_underscores>;`
# in namespace sextant::embedded; users write that declaration where they need it.
function(sextant_embed library folder)
  set(body "")
  foreach(file ${ARGN})
    set(path "${CMAKE_SOURCE_DIR}/${folder}/${file}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    file(READ "${path}" text)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" name "${file}")
    string(APPEND body "extern const std::string_view ${name};\nconst std::string_view ${name} = R\"embedded(${text})embedded\";\n")
  endforeach()
  set(source "${CMAKE_BINARY_DIR}/embedded/${library}.cpp")
  file(CONFIGURE OUTPUT "${source}" @ONLY NEWLINE_STYLE UNIX CONTENT
    "#include <string_view>\nnamespace sextant::embedded {\n@body@} // namespace sextant::embedded\n")
  target_sources(${library} PRIVATE "${source}")
endfunction()
