# Run by template.rs, with `given` the path of a template and which of its conditions hold (tests::cloud::Cloud::ask). Leaves in `told` the template as
# it stands then: what functions share stands at each, intrinsic functions are spelled out in full ({"Ref": …}, {"Fn::GetAtt": […]}), and what a condition
# leaves out is gone. An !If of a condition that is not given stays.
import yaml


class Loader(yaml.SafeLoader):
    pass


def spelled_out(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: construct(node, deep=True)}


Loader.add_multi_constructor("!", spelled_out)
# Dates stay what they are written as: a policy's version.
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}
GONE = {"Ref": "AWS::NoValue"}


def merged(shared, own):
    # As SAM merges Globals: by their names, and an intrinsic function counts as a value.
    def is_mapping(part):
        return isinstance(part, dict) and not any(name == "Ref" or name.startswith("Fn::") for name in part)

    if not (is_mapping(shared) and is_mapping(own)):
        return own
    return shared | {name: merged(shared[name], value) if name in shared else value for name, value in own.items()}


def as_deployed(part):
    match part:
        case {"Fn::If": [condition, chosen, other]} if condition in given["holds"]:
            return as_deployed(chosen if given["holds"][condition] else other)
        case dict():
            kept = {name: as_deployed(value) for name, value in part.items()}
            return {name: value for name, value in kept.items() if value != GONE}
        case list():
            return [value for value in map(as_deployed, part) if value != GONE]
    return part


with open(given["path"]) as template:
    told = yaml.load(template, Loader)
for resource in told["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"] = merged(told["Globals"]["Function"], resource["Properties"])
told = as_deployed(told)
told["Resources"] = {
    name: resource for name, resource in told["Resources"].items() if given["holds"].get(resource.get("Condition"), True)
}
