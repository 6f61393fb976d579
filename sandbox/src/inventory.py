"""What is in an account of the sandbox, through the AWS API: by resource type, without ids.

Ids differ between two worlds that are otherwise the same, so every id is replaced by the name of what it
names. What a run leaves of itself (tags `runbook:…`, times) is left out.

Each line of standard input is an account; what is in it is answered line by line, with an empty line
at the end. Clients are made once, since that takes longer than all their questions.
"""

import functools
import json
import sys

import boto3

REGIONS = ["us-east-1", "us-west-2"]
names = {}
session = boto3.Session()


@functools.cache
def client(service, region):
    return session.client(service, region_name=region)


def tags(item, key="Tags"):
    return {
        t["Key"]: t["Value"]
        for t in item.get(key, []) or []
        if not t["Key"].startswith(("runbook:", "aws:"))
    }


def learn(identifier, kind, item):
    name = tags(item).get("Name", "?")
    names[identifier] = f"{kind}:{name}"


def named(identifier):
    return names.get(identifier, identifier)


def one(kind, region, **facts):
    return {"kind": kind, "region": region, **facts}


def permissions(entries):
    found = []
    for entry in entries:
        base = [entry.get("IpProtocol"), entry.get("FromPort"), entry.get("ToPort")]
        found += [base + [r["CidrIp"]] for r in entry.get("IpRanges", [])]
        found += [base + [named(p["GroupId"])] for p in entry.get("UserIdGroupPairs", [])]
    return sorted(found, key=str)


def network(ec2, region):
    found = []
    vpcs = [v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"]]
    ours = {v["VpcId"] for v in vpcs}
    for v in vpcs:
        learn(v["VpcId"], "vpc", v)
        found.append(one("vpc", region, cidr=v["CidrBlock"], tags=tags(v)))
    for s in ec2.describe_subnets()["Subnets"]:
        if s["VpcId"] in ours:
            learn(s["SubnetId"], "subnet", s)
            found.append(
                one("subnet", region, cidr=s["CidrBlock"], zone=s["AvailabilityZone"],
                    public=s["MapPublicIpOnLaunch"], vpc=named(s["VpcId"]), tags=tags(s)))
    for g in ec2.describe_internet_gateways()["InternetGateways"]:
        attached = [a["VpcId"] for a in g["Attachments"]]
        learn(g["InternetGatewayId"], "igw", g)
        if tags(g):
            found.append(one("internet gateway", region, vpcs=[named(v) for v in attached], tags=tags(g)))
    for a in ec2.describe_addresses()["Addresses"]:
        learn(a["AllocationId"], "eip", a)
        found.append(one("address", region, tags=tags(a)))
    for n in ec2.describe_nat_gateways()["NatGateways"]:
        learn(n["NatGatewayId"], "nat", n)
        found.append(
            one("nat gateway", region, subnet=named(n["SubnetId"]), state=n["State"],
                addresses=[named(a.get("AllocationId")) for a in n["NatGatewayAddresses"]], tags=tags(n)))
    for t in ec2.describe_route_tables()["RouteTables"]:
        if t["VpcId"] in ours and tags(t):
            routes = sorted(
                [r.get("DestinationCidrBlock"), named(r.get("GatewayId") or r.get("NatGatewayId") or "?")]
                for r in t["Routes"])
            subnets = sorted(named(a["SubnetId"]) for a in t["Associations"] if a.get("SubnetId"))
            found.append(one("route table", region, routes=routes, subnets=subnets, tags=tags(t)))
    groups = [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["VpcId"] in ours]
    for g in groups:
        names[g["GroupId"]] = "group:" + g["GroupName"]
    for g in groups:
        found.append(
            one("security group", region, name=g["GroupName"], vpc=named(g["VpcId"]), tags=tags(g),
                ingress=permissions(g["IpPermissions"]), egress=permissions(g["IpPermissionsEgress"])))
    return found


def compute(ec2, region):
    found = []
    for t in ec2.describe_launch_templates()["LaunchTemplates"]:
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=t["LaunchTemplateId"])
        names[t["LaunchTemplateId"]] = "template:" + t["LaunchTemplateName"]
        found.append(
            one("launch template", region, name=t["LaunchTemplateName"],
                versions=len(versions["LaunchTemplateVersions"]), default=t["DefaultVersionNumber"]))
    for r in ec2.describe_instances()["Reservations"]:
        for i in r["Instances"]:
            if i["State"]["Name"] == "terminated":
                continue
            learn(i["InstanceId"], "instance", i)
            protected = ec2.describe_instance_attribute(
                InstanceId=i["InstanceId"], Attribute="disableApiTermination")
            found.append(
                one("instance", region, state=i["State"]["Name"], type=i["InstanceType"],
                    subnet=named(i["SubnetId"]), monitoring=i["Monitoring"]["State"],
                    protected=protected["DisableApiTermination"]["Value"], tags=tags(i)))
    for v in ec2.describe_volumes()["Volumes"]:
        attached = sorted(named(a["InstanceId"]) for a in v["Attachments"])
        names[v["VolumeId"]] = f"volume of {attached}"
        found.append(
            one("volume", region, size=v["Size"], type=v["VolumeType"], encrypted=v["Encrypted"],
                attached=attached))
    for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        found.append(one("snapshot", region, size=s["VolumeSize"], state=s["State"], tags=tags(s)))
    return found


def balancing(elb, region):
    found = []
    for b in elb.describe_load_balancers()["LoadBalancers"]:
        names[b["LoadBalancerArn"]] = "balancer:" + b["LoadBalancerName"]
        names[b["DNSName"].lower()] = f"dns:{region}:" + b["LoadBalancerName"]
        found.append(
            one("load balancer", region, name=b["LoadBalancerName"], state=b["State"]["Code"],
                zones=sorted(named(z["SubnetId"]) for z in b["AvailabilityZones"])))
    for t in elb.describe_target_groups()["TargetGroups"]:
        names[t["TargetGroupArn"]] = "targets:" + t["TargetGroupName"]
        health = elb.describe_target_health(TargetGroupArn=t["TargetGroupArn"])
        targets = sorted(
            [named(h["Target"]["Id"]), h["TargetHealth"]["State"]]
            for h in health["TargetHealthDescriptions"])
        found.append(
            one("target group", region, name=t["TargetGroupName"], port=t["Port"], targets=targets,
                interval=t["HealthCheckIntervalSeconds"], healthy=t["HealthyThresholdCount"],
                unhealthy=t["UnhealthyThresholdCount"]))
    for b in elb.describe_load_balancers()["LoadBalancers"]:
        for l in elb.describe_listeners(LoadBalancerArn=b["LoadBalancerArn"])["Listeners"]:
            to = [named(a.get("TargetGroupArn")) for a in l["DefaultActions"]]
            found.append(one("listener", region, balancer=b["LoadBalancerName"], port=l["Port"], to=to))
    return found


def alarms(region):
    cloudwatch = client("cloudwatch", region)
    sns = client("sns", region)
    found = [
        one("alarm", region, name=a["AlarmName"], state=a["StateValue"], metric=a.get("MetricName"))
        for a in cloudwatch.describe_alarms()["MetricAlarms"]]
    return found + [one("topic", region, name=t["TopicArn"].split(":")[-1]) for t in sns.list_topics()["Topics"]]


def dns():
    route53 = client("route53", "us-east-1")
    found = []
    for c in route53.list_health_checks()["HealthChecks"]:
        config = c["HealthCheckConfig"]
        host = config.get("FullyQualifiedDomainName", "").lower()
        names[c["Id"]] = f"check of {named(host)}"
        found.append(
            one("health check", "global", host=named(host), type=config["Type"], path=config.get("ResourcePath")))
    for z in route53.list_hosted_zones()["HostedZones"]:
        found.append(one("zone", "global", name=z["Name"]))
        for r in route53.list_resource_record_sets(HostedZoneId=z["Id"])["ResourceRecordSets"]:
            if r["Type"] in ("NS", "SOA"):
                continue
            alias = r.get("AliasTarget", {}).get("DNSName", "").lower().removeprefix("dualstack.").rstrip(".")
            found.append(
                one("record", "global", name=r["Name"], type=r["Type"], set=r.get("SetIdentifier"),
                    failover=r.get("Failover"), alias=named(alias), check=named(r.get("HealthCheckId"))))
    return found


def inventory():
    names.clear()
    found = []
    for region in REGIONS:
        ec2 = client("ec2", region)
        found += network(ec2, region)
        found += compute(ec2, region)
        found += balancing(client("elbv2", region), region)
        found += alarms(region)
    found += dns()
    return sorted(json.dumps(item, sort_keys=True) for item in found)


def main():
    for line in sys.stdin:
        session.get_credentials().access_key = "SANDBOX" + line.strip()
        sys.stdout.write("".join(one + "\n" for one in inventory()) + "\n")
        sys.stdout.flush()


main()
