#!/usr/bin/env python3
"""Reads every YAML file of an output directory with PyYAML and checks documents and types; status also as grep sees it.

run:  python3 test/interop/yaml_check.py OUTPUT_DIR       needs: yaml (Debian: python3-yaml)
exit: 0 good, 1 something is wrong
"""
import json
import os
import re
import sys

import yaml

problems = []


def check(good, text):
    if not good:
        problems.append(text)


def documents(path):
    with open(path, encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def check_container(where, container):
    for key in ("command", "args"):
        for item in container.get(key, []):
            check(isinstance(item, str), f"{where}: {key} has {item!r}, which is not a string")
    for entry in container.get("env", []):
        check(isinstance(entry.get("value", ""), str), f"{where}: env {entry} is not a string")
    for i, item in enumerate(container.get("args", [])):
        if item == "--override-engine-args":
            check(isinstance(json.loads(container["args"][i + 1]), dict), f"{where}: {item} is no JSON object")


def check_dgd(where, dgd):
    check(dgd.get("kind") == "DynamoGraphDeployment", f"{where}: kind is {dgd.get('kind')}")
    check(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", dgd["metadata"]["name"]) is not None, f"{where}: name is no DNS label")
    for name, service in dgd["spec"]["services"].items():
        place = f"{where}: {name}"
        check(len(dgd["metadata"]["name"]) + len(name) <= 45, f"{place}: names too long for pods")
        for kind in ("requests", "limits"):
            gpu = service.get("resources", {}).get(kind, {}).get("gpu")
            check(gpu is None or isinstance(gpu, str), f"{place}: {kind}.gpu is {gpu!r}, not a string")
        check(isinstance(service.get("replicas"), int), f"{place}: replicas is no number")
        check_container(place, service.get("extraPodSpec", {}).get("mainContainer", {}))
        volumes = {v["name"] for v in service.get("extraPodSpec", {}).get("volumes", [])}
        mounts = service.get("extraPodSpec", {}).get("mainContainer", {}).get("volumeMounts", [])
        check({m["name"] for m in mounts} == volumes, f"{place}: mounts and volumes differ")


def check_configmap(where, configmap):
    check(configmap.get("apiVersion") == "v1", f"{where}: apiVersion is {configmap.get('apiVersion')}")
    for key, value in configmap["data"].items():
        check(isinstance(value, str), f"{where}: data.{key} is no string")
        if key.endswith(".json"):
            json.loads(value)


def check_final(path):
    docs = documents(path)
    check([d["kind"] for d in docs][-1:] == ["DynamoGraphDeployment"], f"{path}: the deployment is not the last document")
    mounted = {v["configMap"]["name"] for s in docs[-1]["spec"]["services"].values() for v in s.get("extraPodSpec", {}).get("volumes", [])}
    check({d["metadata"]["name"] for d in docs[:-1]} == mounted, f"{path}: ConfigMaps and volumes differ")
    for configmap in docs[:-1]:
        check_configmap(path, configmap)
    check_dgd(path, docs[-1])


def check_status(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    status = yaml.safe_load(text)
    check(status.get("status") in ("running", "success", "failed"), f"{path}: status is {status.get('status')}")
    check(not re.search(r"[\"'\\]", text), f"{path}: quotes or backslashes")
    for key in ("status", "message", "error", "phase"):
        line = re.search(rf"^{key}: (.*)$", text, re.M)
        check((line.group(1) if line else None) == status.get(key), f"{path}: grep and YAML see different values of {key}")


def main(directory):
    for root, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(root, name)
            if name == "config.yaml" or name == "disagg_config.yaml":
                docs = documents(path)
                check(len(docs) == 1, f"{path}: {len(docs)} documents")
                check_dgd(path, docs[0])
    for name in ("config_with_planner.yaml", "mocker_config_with_planner.yaml", "final_config.yaml"):
        path = os.path.join(directory, name)
        if name != "final_config.yaml" or os.path.exists(path):
            check_final(path)
    data = os.path.join(directory, "planner-profile-data.yaml")
    if os.path.exists(data):
        check_configmap(data, documents(data)[0])
    check_status(os.path.join(directory, "profiler_status.yaml"))
    outputs = [f for f in os.listdir(directory) if f.startswith("dgdr-output-")]
    check(len(outputs) == 1, f"{directory}: {len(outputs)} files dgdr-output-*")
    for name in outputs:
        configmap = documents(os.path.join(directory, name))[0]
        check_configmap(name, configmap)
        for key, value in configmap["data"].items():
            path = os.path.join(directory, key)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    check(value == file.read(), f"{name}: {key} differs from the file")
    for problem in problems:
        print("yaml_check:", problem, file=sys.stderr)
    if not problems:
        print("yaml_check: all documents are good")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
