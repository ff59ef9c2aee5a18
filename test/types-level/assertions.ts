/** Claims about types, which the compiler checks: `equal<A, B>()` compiles when both are the same type. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export declare function equal<A, B>(...claim: Same<A, B> extends true ? [] : [never]): void;
/** The type of an expression. */
export declare function type<A>(value: A): { readonly is: <B>(...claim: Same<A, B> extends true ? [] : [never]) => void };
