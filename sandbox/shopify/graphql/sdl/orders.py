"""Orders and what hangs on them; customers."""

from __future__ import annotations

ORDERS = """
type Order implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  name: String!
  number: Int!
  confirmationNumber: String
  createdAt: DateTime!
  processedAt: DateTime!
  updatedAt: DateTime!
  cancelledAt: DateTime
  closedAt: DateTime
  cancelReason: OrderCancelReason
  test: Boolean!
  confirmed: Boolean!
  closed: Boolean!
  edited: Boolean!
  unpaid: Boolean!
  fullyPaid: Boolean!
  requiresShipping: Boolean!
  currencyCode: CurrencyCode!
  presentmentCurrencyCode: CurrencyCode!
  displayFinancialStatus: OrderDisplayFinancialStatus
  displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
  returnStatus: OrderReturnStatus!
  email: String
  phone: String
  note: String
  tags: [String!]!
  sourceName: String
  sourceIdentifier: String
  taxesIncluded: Boolean!
  customer: Customer
  customerLocale: String
  shippingAddress: MailingAddress
  billingAddress: MailingAddress
  retailLocation: Location
  totalPriceSet: MoneyBag!
  originalTotalPriceSet: MoneyBag!
  currentTotalPriceSet: MoneyBag!
  subtotalPriceSet: MoneyBag
  currentSubtotalPriceSet: MoneyBag!
  totalTaxSet: MoneyBag
  currentTotalTaxSet: MoneyBag!
  totalDiscountsSet: MoneyBag
  currentTotalDiscountsSet: MoneyBag!
  totalShippingPriceSet: MoneyBag!
  currentShippingPriceSet: MoneyBag!
  totalRefundedSet: MoneyBag!
  totalRefundedShippingSet: MoneyBag!
  totalReceivedSet: MoneyBag!
  totalOutstandingSet: MoneyBag!
  totalTipReceivedSet: MoneyBag!
  netPaymentSet: MoneyBag!
  totalPrice: Money! @deprecated(reason: "Use `totalPriceSet` instead.")
  discountCode: String
  discountCodes: [String!]!
  paymentGatewayNames: [String!]!
  subtotalLineItemsQuantity: Int!
  currentSubtotalLineItemsQuantity: Int!
  taxLines: [TaxLine!]!
  currentTaxLines: [TaxLine!]!
  shippingLine: ShippingLine
  shippingLines(@page, includeRemovals: Boolean = false): ShippingLineConnection!
  lineItems(@page): LineItemConnection!
  transactions(first: Int, capturable: Boolean, manuallyResolvable: Boolean): [OrderTransaction!]!
  transactionsCount: Count
  refunds(first: Int): [Refund!]!
  fulfillments(first: Int, query: String): [Fulfillment!]!
  fulfillmentsCount: Count
  agreements(@page, query: String): SalesAgreementConnection!
  disputes: [OrderDisputeSummary!]!
}
connection Order
enum OrderSortKeys {
  CREATED_AT CURRENT_TOTAL_PRICE CUSTOMER_NAME DESTINATION FINANCIAL_STATUS FULFILLMENT_STATUS ID ORDER_NUMBER
  PROCESSED_AT RELEVANCE TOTAL_PRICE UPDATED_AT
}
enum OrderCancelReason { CUSTOMER DECLINED FRAUD INVENTORY OTHER STAFF }
enum OrderDisplayFinancialStatus {
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}
enum OrderDisplayFulfillmentStatus {
  FULFILLED IN_PROGRESS ON_HOLD OPEN PARTIALLY_FULFILLED PENDING_FULFILLMENT REQUEST_DECLINED RESTOCKED SCHEDULED
  UNFULFILLED
}
enum OrderReturnStatus { INSPECTION_COMPLETE IN_PROGRESS NO_RETURN RETURNED RETURN_FAILED RETURN_REQUESTED }

type LineItem implements Node {
  id: ID!
  title: String!
  name: String!
  variantTitle: String
  sku: String
  vendor: String
  quantity: Int!
  currentQuantity: Int!
  refundableQuantity: Int!
  unfulfilledQuantity: Int!
  nonFulfillableQuantity: Int!
  isGiftCard: Boolean!
  taxable: Boolean!
  requiresShipping: Boolean!
  restockable: Boolean!
  product: Product
  variant: ProductVariant
  originalUnitPriceSet: MoneyBag!
  originalTotalSet: MoneyBag!
  discountedTotalSet(withCodeDiscounts: Boolean = false): MoneyBag!
  discountedUnitPriceSet: MoneyBag!
  discountedUnitPriceAfterAllDiscountsSet: MoneyBag!
  totalDiscountSet: MoneyBag!
  taxLines(first: Int): [TaxLine!]!
  discountAllocations: [DiscountAllocation!]!
  customAttributes: [Attribute!]!
}
connection LineItem
type Attribute { key: String! value: String }
type DiscountAllocation { allocatedAmountSet: MoneyBag! }
type TaxLine {
  title: String!
  rate: Float
  ratePercentage: Float
  source: String
  channelLiable: Boolean
  priceSet: MoneyBag!
}
type ShippingLine {
  id: ID
  title: String!
  code: String
  source: String
  custom: Boolean!
  isRemoved: Boolean!
  originalPriceSet: MoneyBag!
  discountedPriceSet: MoneyBag!
  currentDiscountedPriceSet: MoneyBag!
  taxLines: [TaxLine!]!
}
connection ShippingLine

type OrderTransaction implements Node {
  id: ID!
  kind: OrderTransactionKind!
  status: OrderTransactionStatus!
  gateway: String
  formattedGateway: String
  amountSet: MoneyBag!
  createdAt: DateTime!
  processedAt: DateTime
  test: Boolean!
  manualPaymentGateway: Boolean!
  paymentId: String
  parentTransaction: OrderTransaction
  order: Order
  fees: [TransactionFee!]!
  amountRoundingSet: MoneyBag
  settlementCurrency: CurrencyCode
  settlementCurrencyRate: Decimal
}
connection OrderTransaction
enum OrderTransactionKind { AUTHORIZATION CAPTURE CHANGE EMV_AUTHORIZATION REFUND SALE SUGGESTED_REFUND VOID }
enum OrderTransactionStatus { AWAITING_RESPONSE ERROR FAILURE PENDING SUCCESS UNKNOWN }
type TransactionFee implements Node {
  id: ID!
  amount: MoneyV2!
  flatFee: MoneyV2!
  flatFeeName: String
  rate: Decimal!
  rateName: String
  taxAmount: MoneyV2!
  type: String!
}

interface SalesAgreement {
  id: ID!
  happenedAt: DateTime!
  reason: OrderActionType!
  sales(@page): SaleConnection!
}
connection SalesAgreement
type OrderAgreement implements SalesAgreement {
  id: ID!
  happenedAt: DateTime!
  reason: OrderActionType!
  sales(@page): SaleConnection!
}
type OrderEditAgreement implements SalesAgreement {
  id: ID!
  happenedAt: DateTime!
  reason: OrderActionType!
  sales(@page): SaleConnection!
}
type RefundAgreement implements SalesAgreement {
  id: ID!
  happenedAt: DateTime!
  reason: OrderActionType!
  sales(@page): SaleConnection!
  refund: Refund!
}
type ReturnAgreement implements SalesAgreement {
  id: ID!
  happenedAt: DateTime!
  reason: OrderActionType!
  sales(@page): SaleConnection!
}
enum OrderActionType { ORDER ORDER_EDIT REFUND RETURN UNKNOWN }
interface Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
}
connection Sale
type ProductSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
  lineItem: LineItem!
}
type GiftCardSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
  lineItem: LineItem!
}
type ShippingLineSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
  shippingLine: ShippingLine
}
type TipSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
}
type FeeSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
}
type AdjustmentSale implements Sale {
  id: ID!
  actionType: SaleActionType!
  lineType: SaleLineType!
  quantity: Int
  totalAmount: MoneyBag!
  totalTaxAmount: MoneyBag!
  totalDiscountAmountBeforeTaxes: MoneyBag!
  totalDiscountAmountAfterTaxes: MoneyBag!
  taxes: [SaleTax!]!
}
enum SaleActionType { ORDER RETURN UNKNOWN UPDATE }
enum SaleLineType { ADDITIONAL_FEE ADJUSTMENT DUTY FEE GIFT_CARD PRODUCT SHIPPING TIP UNKNOWN }
type SaleTax { id: ID! amount: MoneyBag! taxLine: TaxLine! }
type OrderDisputeSummary implements Node { id: ID! initiatedAs: DisputeType! status: DisputeStatus! }
enum DisputeType { CHARGEBACK INQUIRY }
enum DisputeStatus { ACCEPTED CHARGE_REFUNDED LOST NEEDS_RESPONSE PREVENTED UNDER_REVIEW WON }

type Refund implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  createdAt: DateTime
  processedAt: DateTime!
  updatedAt: DateTime!
  note: String
  order: Order!
  totalRefundedSet: MoneyBag!
  refundLineItems(@page): RefundLineItemConnection!
  refundShippingLines(@page): RefundShippingLineConnection!
  orderAdjustments(@page): OrderAdjustmentConnection!
  transactions(@page): OrderTransactionConnection!
}
type RefundLineItem {
  id: ID
  lineItem: LineItem!
  quantity: Int!
  restockType: RefundLineItemRestockType!
  restocked: Boolean!
  location: Location
  priceSet: MoneyBag!
  subtotalSet: MoneyBag!
  totalTaxSet: MoneyBag!
}
connection RefundLineItem
enum RefundLineItemRestockType { CANCEL LEGACY_RESTOCK NO_RESTOCK RETURN }
type RefundShippingLine implements Node {
  id: ID!
  shippingLine: ShippingLine!
  subtotalAmountSet: MoneyBag!
  taxAmountSet: MoneyBag!
}
connection RefundShippingLine
type OrderAdjustment implements Node {
  id: ID!
  amountSet: MoneyBag!
  reason: OrderAdjustmentDiscrepancyReason
  taxAmountSet: MoneyBag!
}
connection OrderAdjustment
enum OrderAdjustmentDiscrepancyReason { CUSTOMER DAMAGE FULL_RETURN_BALANCING_ADJUSTMENT REFUND_DISCREPANCY RESTOCK }

type Fulfillment implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  name: String!
  status: FulfillmentStatus!
  displayStatus: FulfillmentDisplayStatus
  createdAt: DateTime!
  updatedAt: DateTime!
  deliveredAt: DateTime
  totalQuantity: Int!
  requiresShipping: Boolean!
  location: Location
  order: Order!
  trackingInfo(first: Int): [FulfillmentTrackingInfo!]!
  fulfillmentLineItems(@page): FulfillmentLineItemConnection!
}
enum FulfillmentStatus { CANCELLED ERROR FAILURE OPEN PENDING SUCCESS }
enum FulfillmentDisplayStatus { CANCELED DELIVERED FAILURE FULFILLED IN_TRANSIT MARKED_AS_FULFILLED PICKED_UP }
type FulfillmentTrackingInfo { company: String number: String url: URL }
type FulfillmentLineItem implements Node {
  id: ID!
  lineItem: LineItem!
  quantity: Int
  originalTotalSet: MoneyBag!
  discountedTotalSet: MoneyBag!
}
connection FulfillmentLineItem

type MailingAddress implements Node {
  id: ID!
  name: String
  firstName: String
  lastName: String
  company: String
  address1: String
  address2: String
  city: String
  province: String
  provinceCode: String
  zip: String
  country: String
  countryCodeV2: CountryCode
  phone: String
  coordinatesValidated: Boolean!
}
connection MailingAddress

type Customer implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  firstName: String
  lastName: String
  displayName: String!
  email: String @deprecated(reason: "Use `defaultEmailAddress.emailAddress` instead.")
  phone: String @deprecated(reason: "Use `defaultPhoneNumber.phoneNumber` instead.")
  defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber
  state: CustomerState!
  numberOfOrders: UnsignedInt64!
  amountSpent: MoneyV2!
  tags: [String!]!
  note: String
  taxExempt: Boolean!
  verifiedEmail: Boolean!
  locale: String!
  createdAt: DateTime!
  updatedAt: DateTime!
  defaultAddress: MailingAddress
  addressesV2(@page): MailingAddressConnection!
  lastOrder: Order
  orders(@page, query: String, sortKey: OrderSortKeys = ID): OrderConnection!
}
connection Customer
enum CustomerSortKeys { CREATED_AT ID LOCATION NAME RELEVANCE UPDATED_AT }
enum CustomerState { DECLINED DISABLED ENABLED INVITED }
type CustomerEmailAddress {
  emailAddress: String!
  marketingState: CustomerEmailAddressMarketingState!
  validFormat: Boolean!
}
enum CustomerEmailAddressMarketingState { INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED }
type CustomerPhoneNumber { phoneNumber: String! }
"""
