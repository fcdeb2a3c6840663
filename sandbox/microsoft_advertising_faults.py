"""Microsoft Advertising's errors, in its own numbers, names and words.

https://learn.microsoft.com/advertising/guides/operation-error-codes
"""

import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

_WORDS = {
    0: ("InternalError", "An internal error has occurred."),
    100: ("NullRequest", "The request message is null."),
    105: (
        "InvalidCredentials",
        "Authentication failed. Either supplied credentials are invalid or the account is inactive",
    ),
    106: ("UserIsNotAuthorized", "The user is not authorized to perform this action."),
    108: (
        "UserCompromised",
        (
            "We have detected suspicious activity on your Microsoft Advertising account. Please create a new password to "
            "secure your account."
        ),
    ),
    109: ("AuthenticationTokenExpired", "Authentication token expired. Please renew it or obtain a new token."),
    116: ("RequestMissingHeaders", "One or more required header elements are missing from the request."),
    117: (
        "CallRateExceeded",
        (
            "You have exceeded the number of calls that you are allowed to make in a minute. Please reduce the number of "
            "calls that you make per minute."
        ),
    ),
    120: ("UserLoginAccessDenied", "The credentials are not valid for the person who attempted to login."),
    122: ("PersonalIdentityNotAvailable", "You must use a work account to sign in to Microsoft Advertising."),
    123: (
        "WorkIdentityNotAvailable",
        "You must use a personal Microsoft account to sign in to Microsoft Advertising.",
    ),
    207: (
        "ConcurrentRequestOverLimit",
        (
            "You have already reached the maximum number of concurrent report requests. Please wait until the previous "
            "reports are completed and then try to submit a new request."
        ),
    ),
    1201: ("CampaignServiceInvalidAdGroupId", "The ad group ID is not valid."),
    1303: ("CampaignServiceAdIdIsNull", "The ad identifier must be set."),
    1308: ("CampaignServiceInvalidAdId", "The ad identifier is not valid."),
    1309: ("CampaignServiceDuplicateInAdIds", "The array of ad identifiers contains one or more duplicates."),
    1310: ("CampaignServiceAdsArrayShouldNotBeNullOrEmpty", "The array of ads cannot be null or empty."),
    1311: ("CampaignServiceAdsArrayExceedsLimit", "The number of ads exceeds the limit."),
    2001: ("ReportingServiceNullReportRequest", "The report request is null."),
    2002: ("ReportingServiceUnknownReportType", "The report request type is not valid."),
    2005: (
        "ReportingServiceInvalidDataAvailabilityAndTimePeriodCombination",
        (
            "The report request indicates that complete data is required; however, the request contains a report time "
            "period for which complete data cannot be returned."
        ),
    ),
    2006: ("ReportingServiceInvalidReportName", "The report request contains a report name that is not valid."),
    2007: (
        "ReportingServiceInvalidReportAggregation",
        "The report aggregation is not valid for the specified report time period.",
    ),
    2008: (
        "ReportingServiceInvalidReportTimeSelection",
        "The report time is null or contains more than one predefined time, custom date, or custom date range.",
    ),
    2009: (
        "ReportingServiceInvalidCustomDateRangeStart",
        "The report time contains a custom date range start value that is not valid.",
    ),
    2010: (
        "ReportingServiceInvalidCustomDateRangeEnd",
        "The report time contains a custom date range end value that is not valid.",
    ),
    2011: (
        "ReportingServiceEndDateBeforeStartDate",
        (
            "The report time contains a custom date range that is not valid; the end date cannot be earlier than the start "
            "date."
        ),
    ),
    2014: ("ReportingServiceNullColumns", "The list of columns to include in the report cannot be null or empty."),
    2015: (
        "ReportingServiceRequiredColumnsNotSelected",
        "The list of columns to include in the report must contain all required columns.",
    ),
    2016: ("ReportingServiceDuplicateColumns", "The list of columns to include in the report contains duplicate."),
    2017: (
        "ReportingServiceNoMeasureSelected",
        "The report request does not specify at least one measurement column.",
    ),
    2026: (
        "ReportingServiceInvalidAccountReportScope",
        "The account report scope does not contain account identifiers.",
    ),
    2035: (
        "ReportingServiceInvalidAccountIds",
        "The report request contains at least one account identifier that is not valid.",
    ),
    2041: ("ReportingServiceInvalidFutureStartDate", "The specified report time start date is in the future."),
    2100: ("ReportingServiceInvalidReportId", "The report identifier is not valid."),
    2101: ("ReportingServiceReportNotFound", "The report was not found."),
    3201: ("CampaignServiceAccountIdsLengthExceeded", "The list of account IDs exceeds the maximum number allowed."),
    3208: ("CampaignServiceLastSyncTimeCannotBeInTheFuture", "The last sync time cannot be later than now."),
    3210: (
        "BulkServiceMinimumRequiredEntitiesNotSpecified",
        "The minimum set of required entities should be specified for bulk download.",
    ),
    3211: (
        "CampaignServiceBulkDownloadUnsupportedEntities",
        "One or more specified entities are not supported for bulk download.",
    ),
    3217: (
        "BulkServiceFormatVersionNotSupported",
        "One or more bulk download entities are not supported with the specified format version.",
    ),
    3219: ("BulkServiceFormatVersionRequired", "The format version is required."),
    3228: (
        "BulkServiceDataScopeInvalid",
        "The specified DataScope value is either invalid or no longer supported.",
    ),
    3306: ("CampaignServiceAccountIdsArrayShouldNotBeNullOrEmpty", "The list of account IDs cannot be null or empty."),
    3603: ("CampaignServiceFullSyncRequired", "The last sync time must be null."),
    4201: ("BulkServiceInvalidRequestId", "The specified RequestId is not valid."),
    4204: (
        "BulkServiceNoMoreCallsPermittedForTheTimePeriod",
        "No more bulk upload or download calls will be permitted for this account for the current time period.",
    ),
    4625: ("FinalUrlRequiredWhenUsingFinalUrlSuffix", "Final Url is required when using final url suffix."),
    4626: ("FinalUrlSuffixInvalidCharacters", "Final Url Suffix contains invalid characters."),
    4627: ("FinalUrlSuffixInvalidParameters", "Final Url Suffix contains invalid parameters."),
    4628: (
        "BothDestinationUrlAndFinalUrlSuffixNotAllowed",
        "Having both destination url and final url suffix is not allowed.",
    ),
    4629: ("FinalUrlSuffixTooLong", "The Final Url Suffix is too long"),
}
# What concerns the login or the pace of calls comes as an AdApiFaultDetail, everything else as an ApiFaultDetail.
_OF_ACCESS = {105: 401, 106: 403, 108: 401, 109: 401, 116: 400, 117: 400, 120: 401, 122: 401, 123: 401}
_dice = random.Random(13)


@dataclass
class ApiFault(Exception):
    """A call that fails as a whole."""

    code: int
    detail: str | None = None
    status: int | None = None

    def answer(self, *, of_customers: bool = False) -> Response:
        """`of_customers`: as the customer management service says it, which has a fault of its own (msads 13.0.30)."""
        name, message = _WORDS[self.code]
        body: dict[str, Any]
        if self.code in _OF_ACCESS:
            error = {"Code": self.code, "Detail": self.detail, "ErrorCode": name, "Message": message}
            body = {"TrackingId": tracking_id(), "Type": "AdApiFaultDetail", "Errors": [error]}
            status = self.status or _OF_ACCESS[self.code]
        else:
            error = {"Code": self.code, "Details": self.detail, "ErrorCode": name, "Message": message}
            if of_customers:
                del error["ErrorCode"]
            kind = {"Type": "ApiFault"} if of_customers else {"Type": "ApiFaultDetail", "BatchErrors": []}
            body = {"TrackingId": tracking_id(), **kind, "OperationErrors": [error]}
            status = self.status or (500 if self.code == 0 else 400)
        return JSONResponse(body, status, {"trackingid": body["TrackingId"]})


def partial(code: int, index: int, field: str | None = None) -> dict[str, Any]:
    """One item of a call that otherwise succeeds."""
    name, message = _WORDS[code]
    return {
        "Code": code,
        "Details": None,
        "ErrorCode": name,
        "FieldPath": field,
        "ForwardCompatibilityMap": None,
        "Index": index,
        "Message": message,
        "Type": "BatchError",
    }


def tracking_id() -> str:
    return str(UUID(int=_dice.getrandbits(128), version=4))
