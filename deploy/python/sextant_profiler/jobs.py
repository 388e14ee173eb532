"""What an operator's command line asks for, as a command line of `sextant`. Pure: no file is read but the ones that are named."""
import argparse
import ast
import json
import pathlib
import re
import shlex

import yaml

DATA = pathlib.Path("/data")  # where every operator mounts the volume that its side-car reads
DYNAMO_IMAGES = re.compile(r"(^|/)(dynamo-(planner|frontend)|(vllm|sglang|tensorrtllm)-runtime)(:[^/]*|@.*)?$")


class BadJob(Exception):
    """A command line that cannot be understood: one line for the status file."""


class Job:
    """One run of `sextant`: the request document, the words of the command, and where its files go."""

    def __init__(self, command, words, output_dir, document=None, outputs=()):
        self.command = command
        self.words = words
        self.output_dir = output_dir
        self.document = document
        self.outputs = outputs  # files that a side-car waits for even after a failure


class Parser(argparse.ArgumentParser):
    """Says what is wrong in an exception, so that it reaches the status file; prefixes are no flags of ours."""

    def __init__(self):
        super().__init__(add_help=False, allow_abbrev=False)

    def error(self, message):
        raise BadJob(message)


def default_output_dir():
    return str(DATA) if DATA.is_dir() else "profiling_results"


def metadata(environment):
    """Name and namespace of the request, as the operator tells them to its job."""
    return {"name": environment.get("DGDR_NAME") or "profile", "namespace": environment.get("DGDR_NAMESPACE") or "default"}


def host_words(environment, words, measured):
    """Engines run in the cluster where there is one; SEXTANT_PROFILE_ARGS adds words or says otherwise."""
    more = shlex.split(environment.get("SEXTANT_PROFILE_ARGS", ""))
    given = [word.split("=")[0] for word in [*words, *more]]
    if measured and environment.get("KUBERNETES_SERVICE_HOST") and "--host" not in given:
        more += ["--host", "kubernetes"]
    return more


def mapping_of(text, what):
    """A mapping from a Python literal, or YAML (JSON is YAML): the order in which the reference tries them."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise BadJob(f"{what}: neither a Python dict, nor YAML, nor JSON: {' '.join(str(error).split())}") from None
    if not isinstance(value, dict):
        raise BadJob(f"{what}: found {type(value).__name__}, accepted are a Python dict, YAML or JSON with keys")
    return value


def without_nulls(value):
    """An operator writes unset keys as null; here a key that is not there means the same."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def profile_sla(argv, environment):
    """`benchmarks.profiler.profile_sla --profile-config TEXT [flags]`, operators up to 0.9. Flags win over the text."""
    parser = Parser()
    parser.add_argument("--profile-config", default="{}")
    parser.add_argument("--output-dir")
    known, words = parser.parse_known_args(argv)
    config = without_nulls(mapping_of(known.profile_config, "--profile-config"))
    output_dir = known.output_dir or config.pop("outputDir", None) or config.pop("output_dir", None) or default_output_dir()
    config.pop("output_dir", None)
    config.setdefault("sla", {})
    document = {"apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoGraphDeploymentRequest", "metadata": metadata(environment),
                "spec": {"profilingConfig": {"config": config}}}
    sweep = config.get("sweep") if isinstance(config.get("sweep"), dict) else {}
    estimated = sweep.get("useAiConfigurator") or sweep.get("use_ai_configurator") or "--use-ai-configurator" in words
    words = [*words, *host_words(environment, words, not estimated)]
    # The oldest side-car waits for this file for ever, and reads no status.
    return Job("profile", words, output_dir, document, outputs=("config_with_planner.yaml",))


def spec_of(text):
    """The v1beta1 spec of `--config`: JSON or YAML text, or a file with it; a whole request is taken as well."""
    if not text.lstrip().startswith("{") and "\n" not in text:
        try:
            text = pathlib.Path(text).read_text(encoding="utf-8")
        except OSError as error:
            raise BadJob(f"--config: {text} is neither JSON nor a readable file: {error.strerror}") from None
    value = mapping_of(text, "--config")
    return value["spec"] if value.get("kind") == "DynamoGraphDeploymentRequest" and isinstance(value.get("spec"), dict) else value


def dynamo_image(image, environment):
    """The image from which names of worker images are derived: the job's own, unless it is not one of Dynamo's."""
    other = environment.get("SEXTANT_DYNAMO_IMAGE")
    return other if other and not (image and DYNAMO_IMAGES.search(image)) else image


def profiler(argv, environment):
    """`dynamo.profiler --config SPEC --output-dir DIR`, operators from 1.0 on."""
    parser = Parser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--output-dir", default=default_output_dir())
    parser.add_argument("--deployment-timeout")
    parser.add_argument("--prefill-interpolation-granularity")
    parser.add_argument("--decode-interpolation-granularity")
    parser.add_argument("--dry-run", action="store_true")
    known = parser.parse_args(argv)
    spec = without_nulls(spec_of(known.config))
    image = dynamo_image(spec.get("image"), environment)
    if image:
        spec["image"] = image
    document = {"apiVersion": "nvidia.com/v1beta1", "kind": "DynamoGraphDeploymentRequest", "metadata": metadata(environment),
                "spec": spec}
    words = []
    for flag in ("deployment-timeout", "prefill-interpolation-granularity", "decode-interpolation-granularity"):
        value = getattr(known, flag.replace("-", "_"))
        words += [f"--{flag}", value] if value is not None else []
    measured = spec.get("searchStrategy", "rapid") == "thorough"
    words += ["--dry-run"] if known.dry_run else []
    words += [] if measured else ["--mode", "estimated"]
    return Job("profile", [*words, *host_words(environment, words, measured)], known.output_dir, document)


def profile_endpoint(argv, _environment):
    """`dynamo.profiler.profile_endpoint`, a script for people: its flags are those of `sextant profile-endpoint`."""
    return Job("profile-endpoint", list(argv), None)


def document_text(job):
    return json.dumps(job.document, indent=1) + "\n"
