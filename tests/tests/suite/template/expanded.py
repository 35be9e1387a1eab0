# Run by template.rs and api/stack/inventory.rs, with `given` the path of template.yaml and the parameters (tests::cloud::Cloud::ask). Leaves in
# `told` the resources as SAM expands them and as they are with these parameters: versions, aliases, permissions and schedules stand among
# them, conditions are decided and mappings looked up. What refers to another resource is left as {"Ref": …} or {"Fn::GetAtt": […]}.
import os
import re
from types import SimpleNamespace

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

os.environ["AWS_DEFAULT_REGION"] = region
GONE = {"Ref": "AWS::NoValue"}


def expanded(path, parameters):
    with open(path) as written:
        # Through JSON, so that what YAML's anchors share is not changed in two places at once.
        template = json.loads(json.dumps(yaml_parse(written.read())))
    for resource in template["Resources"].values():
        # Before it is expanded, `sam package` puts these there.
        for packaged in {"CodeUri", "DefinitionUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][packaged] = "s3://deployment/" + resource["Properties"][packaged]
    return transform(template, parameters, SimpleNamespace(load=dict))


class Resolver:
    def __init__(self, template, parameters, reference=None, attribute=None):
        self.conditions, self.mappings = template["Conditions"], template["Mappings"]
        self.reference = reference or (lambda name: {"Ref": name})
        self.attribute = attribute or (lambda name, attribute: {"Fn::GetAtt": [name, attribute]})
        # One that has no default and was not given stands for itself.
        defaults = {name: declared.get("Default", name) for name, declared in template["Parameters"].items()}
        lists = {name for name, declared in template["Parameters"].items() if declared["Type"] == "CommaDelimitedList"}
        values = {name: str(value) for name, value in (defaults | parameters).items()}
        self.values = {name: value.split(",") if name in lists else value for name, value in values.items()}
        self.values |= {
            "AWS::Region": region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
            "AWS::AccountId": "000000000000", "AWS::StackName": "onceledger",
        }

    def holds(self, condition):
        match condition:
            case str():
                return self.holds(self.conditions[condition])
            case {"Condition": name}:
                return self.holds(name)
            case {"Fn::Not": [each]}:
                return not self.holds(each)
            case {"Fn::And": each}:
                return all(map(self.holds, each))
            case {"Fn::Or": each}:
                return any(map(self.holds, each))
            case {"Fn::Equals": [one, other]}:
                return self.resolved(one) == self.resolved(other)
        raise ValueError(f"a condition of a kind nobody knows: {condition}")

    def resolved(self, part):
        match part:
            case {"Ref": name}:
                return self.values[name] if name in self.values else part if part == GONE else self.reference(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self.attribute(name, attribute)
            case {"Fn::GetAtt": str() as both}:
                return self.attribute(*both.split(".", 1))
            case {"Fn::If": [condition, chosen, other]}:
                return self.resolved(chosen if self.holds(condition) else other)
            case {"Fn::FindInMap": [name, *keys]}:
                first, second = map(self.resolved, keys)
                return self.mappings[name][first][second]
            case {"Fn::Sub": [text, variables]}:
                return self.substituted(text, self.resolved(variables))
            case {"Fn::Sub": text}:
                return self.substituted(text, {})
            case {"Fn::Join": [between, several]}:
                several = self.resolved(several)
                told = isinstance(several, list) and all(isinstance(each, str) for each in several)
                return between.join(several) if told else {"Fn::Join": [between, several]}
            case {"Fn::Split": [between, text]}:
                text = self.resolved(text)
                return text.split(between) if isinstance(text, str) else {"Fn::Split": [between, text]}
            case {"Fn::Select": [index, several]}:
                several = self.resolved(several)
                return several[int(index)] if isinstance(several, list) else {"Fn::Select": [index, several]}
            case dict():
                kept = {name: self.resolved(value) for name, value in part.items()}
                return {name: value for name, value in kept.items() if value != GONE}
            case list():
                return [value for value in map(self.resolved, part) if value != GONE]
        return part

    def substituted(self, text, variables):
        def value(name):
            if name in variables:
                return variables[name]
            return self.attribute(*name.split(".", 1)) if "." in name else self.resolved({"Ref": name})

        values = {name: value(name) for name in re.findall(r"\$\{([^!}]+)\}", text)}
        for name, found in values.items():
            if isinstance(found, str):
                text = text.replace(f"${{{name}}}", found)
        # What is left refers to other resources.
        return {"Fn::Sub": text} if "${" in text else text

    def resources(self, template):
        there = {name: each for name, each in template["Resources"].items() if "Condition" not in each or self.holds(each["Condition"])}
        return {name: self.resolved(each) for name, each in there.items()}


template = expanded(given["path"], given["parameters"])
told = Resolver(template, given["parameters"]).resources(template)
