//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>

use crate::support::Account;

#[test]
fn a_dry_run_has_no_effect() {
    let account = Account::new();
    let before = account.ec2("DescribeVpcs", &[]).all("vpcId");
    account
        .ec2(
            "CreateVpc",
            &[("CidrBlock", "10.0.0.0/16"), ("DryRun", "true")],
        )
        .refused(412, "DryRunOperation");
    assert_eq!(account.ec2("DescribeVpcs", &[]).all("vpcId"), before);
    assert_eq!(account.verdicts("CreateVpc"), ["refused"]);
}

#[test]
fn what_the_emulator_lacks_is_named() {
    let account = Account::new();
    let answer = account.ec2("DescribeVolumeStatus", &[]);
    answer.refused(400, "NotImplemented");
    assert!(
        answer
            .get("Message")
            .contains("sandbox lacks ec2:DescribeVolumeStatus"),
        "{}",
        answer.text()
    );
}

fn monitoring(account: &Account) -> String {
    let answer = account.ec2("DescribeInstances", &[]).ok();
    let text = answer.text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let state = document
        .descendants()
        .find(|node| node.has_tag_name(("http://ec2.amazonaws.com/doc/2016-11-15", "monitoring")));
    state
        .unwrap()
        .text()
        .unwrap_or_else(|| state.unwrap().first_child().unwrap().text().unwrap())
        .to_owned()
}

#[test]
fn monitoring_can_be_switched() {
    let account = Account::new();
    let id = account.launch(&[]).ok().get("instanceId");
    assert_eq!(monitoring(&account), "disabled");
    let answer = account
        .ec2("MonitorInstances", &[("InstanceId.1", &id)])
        .ok();
    assert_eq!(answer.get("state"), "pending");
    assert_eq!(monitoring(&account), "enabled");
    account
        .ec2("UnmonitorInstances", &[("InstanceId.1", &id)])
        .ok();
    assert_eq!(monitoring(&account), "disabled");
    account
        .ec2(
            "MonitorInstances",
            &[("InstanceId.1", "i-0123456789abcdef0")],
        )
        .refused(400, "InvalidInstanceID.NotFound");
}

#[test]
fn a_launch_template_is_taken_whole() {
    let account = Account::new();
    let iam = |action: &str, params: &[(&str, &str)]| {
        account
            .query("iam", "2010-05-08", action, params)
            .unwrap()
            .ok();
    };
    iam("CreateInstanceProfile", &[("InstanceProfileName", "web")]);
    let template = [
        ("LaunchTemplateName", "web"),
        ("LaunchTemplateData.IamInstanceProfile.Name", "web"),
        ("LaunchTemplateData.ImageId", "ami-12345678"),
        ("LaunchTemplateData.InstanceType", "t3.micro"),
        ("LaunchTemplateData.Monitoring.Enabled", "true"),
        ("LaunchTemplateData.DisableApiTermination", "true"),
        ("LaunchTemplateData.MetadataOptions.HttpTokens", "required"),
    ];
    account.ec2("CreateLaunchTemplate", &template).ok();
    let params = [
        ("LaunchTemplate.LaunchTemplateName", "web"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    let id = account.ec2("RunInstances", &params).ok().get("instanceId");
    assert_eq!(monitoring(&account), "enabled");
    assert_eq!(
        account.ec2("DescribeInstances", &[]).get("httpTokens"),
        "required"
    );
    assert!(
        account
            .ec2("DescribeInstances", &[])
            .get("arn")
            .ends_with(":instance-profile/web")
    );
    account
        .ec2("TerminateInstances", &[("InstanceId.1", &id)])
        .refused(400, "OperationNotPermitted");
}

#[test]
fn the_request_overrides_the_template() {
    let account = Account::new();
    let template = [
        ("LaunchTemplateName", "web"),
        ("LaunchTemplateData.ImageId", "ami-12345678"),
        ("LaunchTemplateData.Monitoring.Enabled", "true"),
    ];
    account.ec2("CreateLaunchTemplate", &template).ok();
    let params = [
        ("LaunchTemplate.LaunchTemplateName", "web"),
        ("LaunchTemplate.Version", "1"),
        ("Monitoring.Enabled", "false"),
        ("DisableApiTermination", "true"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    let id = account.ec2("RunInstances", &params).ok().get("instanceId");
    assert_eq!(monitoring(&account), "disabled");
    account
        .ec2("TerminateInstances", &[("InstanceId.1", &id)])
        .refused(400, "OperationNotPermitted");
}
